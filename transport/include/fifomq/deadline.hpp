// A point on the steady clock by which a call returns. The wall clock has no part in it.
#pragma once

#include <algorithm>
#include <chrono>

namespace fifomq {

// A value; cheap to copy, and safe to share between threads.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;  // stands still while the machine sleeps

  // The call tries once and does not wait.
  static Deadline now() { return Deadline(Clock::time_point::min()); }
  // The call waits for as long as it takes, or until the channel is closed.
  static Deadline never() { return Deadline(Clock::time_point::max()); }
  // From now on; never() where that is beyond what the clock can say.
  static Deadline after(std::chrono::nanoseconds duration) {
    const auto start = Clock::now();
    return duration >= Clock::time_point::max() - start ? never() : Deadline(start + duration);
  }
  static Deadline at(Clock::time_point when) { return Deadline(when); }  // may be past: as now()

  // Whether there is none.
  bool is_never() const { return when_ == Clock::time_point::max(); }
  // Whether it has come. Reads the clock.
  bool expired() const { return !is_never() && Clock::now() >= when_; }
  // Zero once expired; the largest duration where there is no deadline.
  std::chrono::nanoseconds remaining() const {
    if (is_never()) return std::chrono::nanoseconds::max();
    const auto present = Clock::now();
    return when_ <= present ? std::chrono::nanoseconds::zero() : when_ - present;
  }

  // Whichever comes first.
  friend Deadline earlier(Deadline a, Deadline b) { return Deadline(std::min(a.when_, b.when_)); }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}

  Clock::time_point when_;
};

}  // namespace fifomq
