// Up to where the messages of a spool are done with: said by the receiver, read by the sender. In
// two files, one written after the other, so that one that is damaged or half written leaves the
// other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "state_file.hpp"

namespace fifomq::spool {

class Committed {
 public:
  // As for StateFile.
  Committed(int folder, const std::string& endpoint, Access access)
      : first_(folder, "committed.0", endpoint, access),
        second_(folder, "committed.1", endpoint, access) {}

  std::optional<std::uint64_t> load() const {
    const auto first = first_.load();
    const auto second = second_.load();
    if (!first || !second) {
      const auto& one = first ? first : second;
      return one ? std::optional(one->first) : std::nullopt;
    }
    return std::max(first->first, second->first);
  }
  // These return an errno, or 0.
  int save(std::uint64_t position) noexcept {
    const int first = first_.save({.first = position});
    const int second = second_.save({.first = position});
    return first != 0 ? first : second;
  }
  int sync() noexcept {
    const int first = first_.sync();
    const int second = second_.sync();
    return first != 0 ? first : second;
  }

  // What changes with it.
  const StateFile& file() const { return second_; }

 private:
  StateFile first_;
  StateFile second_;
};

}  // namespace fifomq::spool
