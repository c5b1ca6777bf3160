// Who a sender is: random numbers that no two share, also not after fork().
#pragma once

#include <cstdint>
#include <shared_mutex>

#include <fifomq/message.hpp>

namespace fifomq::core {

// Non-zero, from the kernel's random source.
std::uint64_t random_id64();
std::uint32_t random_id32();

// Grows by one in the child with each fork() after the first call, so that a sender notices that it
// is a copy. Reading it costs no system call.
std::uint64_t fork_generation();

// A thread of ours that holds this, shared, is not in the middle of anything when the process
// forks.
std::shared_mutex& fork_mutex();

// Gives messages that have no origin yet one: this writer, and the next sequence number.
class OriginStamp {
 public:
  OriginStamp() : writer_(random_id64()) {}

  Origin next() { return {writer_, ++sequence_}; }
  Origin peek() const { return {writer_, sequence_ + 1}; }
  // Nobody got the message that next() was for: its number goes to the next one.
  void take_back() { --sequence_; }
  // From here on somebody else writes.
  void renew() { *this = OriginStamp(); }

 private:
  std::uint64_t writer_;
  std::uint64_t sequence_ = 0;
};

}  // namespace fifomq::core
