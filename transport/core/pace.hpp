// Whether messages follow each other so closely that gathering them pays.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace fifomq::core {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // The caller comes with a message that is to leave by itself, and then it has left. What counts
  // is how long the caller was away before: one who waits for an answer each time may send just as
  // fast, but has nothing to gather.
  void begins() {
    const auto now = Clock::now();
    away_ = now - ended_at_;
    began_at_ = now;
  }
  void ends() {
    ended_at_ = Clock::now();
    quick_ = away_ < ended_at_ - began_at_ ? quick_ + 1 : 0;
  }
  // Whether the next ones had better be gathered.
  bool quickens() {
    if (quick_ < kQuickOnes) return false;
    quick_ = 0;
    return true;
  }

  // A turn has come in which gathered ones leave, and so many were accepted in all. Whether too few
  // came since the last turn to go on.
  bool slackens(std::uint64_t accepted) {
    return accepted - std::exchange(accepted_, accepted) < kFewInATurn;
  }

 private:
  // So many messages, each of which took longer to leave than the caller to come with it. An answer
  // takes longer than that even between two processes that spin.
  static constexpr int kQuickOnes = 4;
  // So few leave one by one at less cost than that of waiting.
  static constexpr std::uint64_t kFewInATurn = 128;

  Clock::time_point began_at_;
  Clock::time_point ended_at_;
  Clock::duration away_{};
  int quick_ = 0;
  std::uint64_t accepted_ = 0;  // at the last turn
};

}  // namespace fifomq::core
