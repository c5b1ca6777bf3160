// Says in the log that a relay loses or drops something while it runs: within a second, at most
// once a second, with how much since the last time.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include <fifomq/deadline.hpp>
#include <fifomq/log.hpp>

#include "relay_snapshot.hpp"

namespace fifomq {

class LossLog {
 public:
  // `log` outlives it.
  LossLog(const ObservedRelay& relay, const LogSink& log) : relay_(relay), log_(log) {}

  // Between two steps.
  void look() {
    const auto now = Deadline::Clock::now();
    looked_ = now >= next_;
    if (!looked_) return;
    tell();
    next_ = now + kBetweenLooks;
  }
  // Before a wait: when to look again. Never, when nothing has happened since it did.
  Deadline next_look() const { return looked_ ? Deadline::never() : Deadline::at(next_); }
  // Says what is left.
  void tell();

 private:
  // Counters cost more than a look at the clock.
  static constexpr std::chrono::seconds kBetweenLooks{1};

  // What is never right: the counters of both ends, and what the relay left out.
  static constexpr std::array kOfAnEnd{
      &Counters::too_large,     &Counters::cancelled,     &Counters::given_up,
      &Counters::over_memory,   &Counters::undecodable,   &Counters::full,
      &Counters::unsubscribed,  &Counters::bytes_skipped, &Counters::frames_damaged,
      &Counters::sequence_gaps, &Counters::abandoned,     &Counters::uncommittable};
  struct Amiss {
    std::array<std::uint64_t, kOfAnEnd.size()> from{};
    std::array<std::uint64_t, kOfAnEnd.size()> to{};
    std::array<std::uint64_t, 2> relay{};  // hop_limit, refused
    std::uint64_t dead_letters = 0;

    friend bool operator==(const Amiss&, const Amiss&) = default;
  };
  Amiss amiss() const;
  void tell(const std::string& where, const std::string& what);

  const ObservedRelay relay_;
  const LogSink& log_;
  Deadline::Clock::time_point next_ = Deadline::Clock::time_point::min();
  bool looked_ = false;
  Amiss told_;
};

}  // namespace fifomq
