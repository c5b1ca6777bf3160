// One way at a fixed rate: how long from sending to receiving.
#pragma once

#include <chrono>

#include "links/link.hpp"
#include "runs/bench.hpp"
#include "runs/round_trip.hpp"

namespace compare {

inline constexpr std::size_t kPacedBytes = 64;

enum class TimedFrom {
  // The moment for which the message was planned, however late the sender comes to it: what waits
  // because something before it was slow is slow as well (no coordinated omission).
  schedule,
  // The moment of send(): a lone message on an idle link.
  send,
};

Latency run_paced(Bench& bench, const Transport& transport, double messages_per_second,
                  std::chrono::nanoseconds run_time, TimedFrom timed_from);

}  // namespace compare
