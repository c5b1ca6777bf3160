// Whether messages follow each other so closely that gathering them pays.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace fifomq::core {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // A message leaves by itself. Whether the next ones had better be gathered.
  bool notice() {
    const auto now = Clock::now();
    quick_ = now - std::exchange(left_at_, now) < kSoon ? quick_ + 1 : 0;
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
  // So many messages, each so soon after the one before.
  static constexpr int kQuickOnes = 4;
  static constexpr auto kSoon = std::chrono::microseconds(10);
  static constexpr std::uint64_t kFewInATurn = 8;

  Clock::time_point left_at_;
  int quick_ = 0;
  std::uint64_t accepted_ = 0;  // at the last turn
};

}  // namespace fifomq::core
