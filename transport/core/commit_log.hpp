// The messages that were handed out and are not committed yet, in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fifomq::core {

class CommitLog {
 public:
  struct Entry {
    std::uint64_t inlet;  // where it came from: its number
    // When this message and all before it are done with, what stands there before this place is not
    // needed any more. Never less than with an earlier message from there.
    std::uint64_t floor;
  };

  // Called before the message is taken out of where it stands: add() then needs no memory.
  void make_room() {
    if (entries_.size() == entries_.capacity()) entries_.reserve(2 * entries_.size() + kLeastRoom);
  }
  void add(const Entry& entry) { entries_.push_back(entry); }

  // The first n messages ever added are done with, as far as there are so many. `each` gets those
  // that were not before, in order.
  template <typename Each>
  void commit(std::uint64_t n, const Each& each) {
    const std::uint64_t added = committed_ + (entries_.size() - first_);
    for (n = std::min(n, added); committed_ < n; ++committed_) each(entries_[first_++]);
    // What is moved is no more than what goes, so that in all no entry is moved more than once.
    if (first_ < entries_.size() - first_) return;
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }

 private:
  static constexpr std::size_t kLeastRoom = 64;

  std::vector<Entry> entries_;
  std::size_t first_ = 0;  // of those that are not committed
  std::uint64_t committed_ = 0;
};

}  // namespace fifomq::core
