// One or more senders in a plain send() loop, one receiver that counts.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "links/link.hpp"
#include "runs/bench.hpp"

namespace compare {

// What each sender does: so many messages, but no longer than that.
struct Load {
  std::size_t message_bytes = 0;
  unsigned writers = 1;
  std::uint64_t messages_each = 0;
  std::chrono::nanoseconds at_most{};
};

struct Throughput {
  std::uint64_t messages = 0;
  double messages_per_second = 0;
  // Processor time for each message.
  double sender_cpu_ns = 0;
  double receiver_cpu_ns = 0;
  double relay_cpu_ns = 0;
  double relay_peak_bytes = 0;  // resident memory
};

Throughput run_throughput(Bench& bench, const Transport& transport, const Load& load);

// The load that takes about the bench's run time, found with a short run.
Load calibrate(Bench& bench, const Transport& transport, std::size_t message_bytes,
               unsigned writers = 1);

}  // namespace compare
