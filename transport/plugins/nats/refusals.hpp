// What a server refuses again and again: said once for each reason, and when it is over, how often.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fifomq/log.hpp>

namespace fifomq::jetstream {

class Refusals {
 public:
  // `what` begins the sentence, and `then` says what is done about it.
  Refusals(std::string what, std::string_view then, const LogSink& log)
      : what_(std::move(what)), then_(then), log_(log) {}

  void add(std::string_view why) {
    ++count_;
    last_ = Clock::now();
    if (why == why_) return;
    why_ = why;
    if (log_) log_(LogLevel::warning, what_ + " (" + why_ + "); " + std::string(then_));
  }

  // It took one. What is full takes one now and then, so it is over only after a while.
  void end() {
    constexpr std::chrono::seconds kCalm{1};
    if (count_ == 0 || Clock::now() < last_ + kCalm) return;
    if (log_) {
      log_(LogLevel::info, what_ + ": not any more, after " + std::to_string(count_) + " times");
    }
    count_ = 0;
    why_.clear();
  }

 private:
  using Clock = std::chrono::steady_clock;

  const std::string what_;
  const std::string_view then_;
  const LogSink& log_;
  std::string why_;
  std::uint64_t count_ = 0;
  Clock::time_point last_{};
};

}  // namespace fifomq::jetstream
