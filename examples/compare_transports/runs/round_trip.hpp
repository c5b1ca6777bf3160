// Ping-pong: one message there, one back, over two links.
#pragma once

#include <cstddef>

#include "links/link.hpp"
#include "runs/bench.hpp"

namespace compare {

inline constexpr std::size_t kRoundTripBytes = 64;

struct Latency {
  double samples = 0;
  double us_p50 = 0;
  double us_p99 = 0;
  double us_p999 = 0;
  double messages_per_second = 0;  // that were really sent
};

Latency run_round_trips(Bench& bench, const Transport& transport);

}  // namespace compare
