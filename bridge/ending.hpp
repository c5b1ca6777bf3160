// That something has come to its end: said once, and seen by other threads, also in poll(2).
#pragma once

#include <atomic>

#include "core/unique_fd.hpp"

namespace fifomq {

class Ending {
 public:
  // Throws Error.
  Ending();

  void announce();
  bool has_come() const { return has_come_.load(); }
  int poll_fd() const { return event_.get(); }  // readable once it has come

 private:
  std::atomic<bool> has_come_ = false;
  core::UniqueFd event_;
};

}  // namespace fifomq
