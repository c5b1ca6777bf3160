#include "run_relay.hpp"

#include <array>

#include "core/readiness.hpp"

namespace fifomq {

SendResult run_relay(Relay& relay, Receiver& from, Sender& to, const StopSignals& stop,
                     std::optional<std::chrono::nanoseconds> idle_exit,
                     std::chrono::nanoseconds drain_timeout) {
  auto last_moved = Deadline::Clock::now();
  while (true) {
    const std::size_t moved = relay.step();
    if (relay.ended()) break;
    if (moved > 0) {
      if (idle_exit) last_moved = Deadline::Clock::now();
      continue;
    }
    // Nothing more to gather for now.
    to.flush(Deadline::now());
    // Asked to stop, and all that was there has been carried over.
    if (stop.requested() != 0) break;
    std::array<pollfd, 2> waited{pollfd{.fd = from.poll_fd(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = stop.poll_fd(), .events = POLLIN, .revents = 0}};
    const Deadline deadline = idle_exit ? Deadline::at(last_moved + *idle_exit) : Deadline::never();
    if (core::wait_for(waited, deadline) == 0) break;
  }
  return to.flush(Deadline::after(drain_timeout));
}

}  // namespace fifomq
