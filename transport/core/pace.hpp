// Whether messages follow each other so closely that gathering them pays.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace fifomq::core {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // A message is about to leave by itself, and then it has left. What counts is how long the caller
  // was away between two of them: one who waits for an answer each time sends just as fast, but has
  // nothing to gather.
  void leaves() { quick_ = Clock::now() - left_at_ < kSoon ? quick_ + 1 : 0; }
  void has_left() { left_at_ = Clock::now(); }
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
  // So many messages, each so soon after the one before. An answer takes longer even between two
  // processes that spin.
  static constexpr int kQuickOnes = 4;
  static constexpr auto kSoon = std::chrono::nanoseconds(700);
  // So few leave one by one at less cost than that of waiting.
  static constexpr std::uint64_t kFewInATurn = 128;

  Clock::time_point left_at_;
  int quick_ = 0;
  std::uint64_t accepted_ = 0;  // at the last turn
};

}  // namespace fifomq::core
