// A base for classes with virtual functions, which are used in the place where they were made.
#pragma once

namespace compare {

class Pinned {
 public:
  Pinned() = default;
  Pinned(const Pinned&) = delete;
  Pinned(Pinned&&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  Pinned& operator=(Pinned&&) = delete;
  virtual ~Pinned() = default;
};

}  // namespace compare
