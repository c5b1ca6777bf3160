#include "run_relay.hpp"

#include <array>

#include "core/readiness.hpp"

namespace fifomq {

namespace {

// How soon an acknowledgement is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenLooks{5};

// What has left and is not acknowledged yet would come again.
void await_acknowledgements(Relay& relay, Sender& to, Deadline deadline) {
  if (!to.capabilities().acknowledges) return;
  while (true) {
    relay.commit();
    if (relay.uncommitted() == 0 || deadline.expired()) return;
    core::wait_for({}, earlier(deadline, Deadline::after(kBetweenLooks)));
    if (to.flush(Deadline::now()) == SendResult::closed) return;
  }
}

}  // namespace

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
    const Deadline idle = idle_exit ? Deadline::at(last_moved + *idle_exit) : Deadline::never();
    const bool in_flight = to.capabilities().acknowledges && relay.uncommitted() > 0;
    const Deadline deadline = in_flight ? earlier(idle, Deadline::after(kBetweenLooks)) : idle;
    if (core::wait_for(waited, deadline) == 0 && idle.expired()) break;
  }
  const Deadline drained = Deadline::after(drain_timeout);
  const SendResult flushed = to.flush(drained);
  await_acknowledgements(relay, to, drained);
  return flushed;
}

}  // namespace fifomq
