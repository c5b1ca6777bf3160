#include "run_relay.hpp"

#include <array>
#include <string>

#include "core/readiness.hpp"

namespace fifomq {

namespace {

// How soon an acknowledgement is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenLooks{5};
// How soon room is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenTries{20};

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

// Until there is something to do. False when it has been idle for too long.
bool await_work(const Relay& relay, Receiver& from, const Sender& to, const StopSignals& stop,
                const RunOptions& options, bool owes, Deadline idle) {
  std::array<pollfd, 3> waited{
      pollfd{.fd = from.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = stop.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{
          .fd = options.status ? options.status->poll_fd() : -1, .events = POLLIN, .revents = 0}};
  const bool in_flight = to.capabilities().acknowledges && relay.uncommitted() > 0;
  Deadline deadline = idle;
  if (in_flight) deadline = earlier(deadline, Deadline::after(kBetweenLooks));
  // What is observed is tried before it is waited for, and a try may leave the tail of a message
  // here that no other thread sends on.
  if (owes && options.status) deadline = earlier(deadline, Deadline::after(kBetweenTries));
  return core::wait_for(waited, deadline) > 0 || !idle.expired();
}

void relay_all(Relay& relay, Receiver& from, Sender& to, const StopSignals& stop,
               const RunOptions& options) {
  auto last_moved = Deadline::Clock::now();
  while (true) {
    const std::size_t moved = relay.step();
    if (relay.ended()) return;
    if (options.status && options.status->asked()) options.status->answer();
    if (moved > 0) {
      if (options.idle_exit) last_moved = Deadline::Clock::now();
      continue;
    }
    // Nothing more to gather for now.
    const bool owes = to.flush(Deadline::now()) == SendResult::timed_out;
    // Asked to stop, and all that was there has been carried over.
    if (stop.requested() != 0) return;
    const Deadline idle =
        options.idle_exit ? Deadline::at(last_moved + *options.idle_exit) : Deadline::never();
    if (!await_work(relay, from, to, stop, options, owes, idle)) return;
  }
}

std::string why_it_ends(const Relay& relay, const StopSignals& stop) {
  if (stop.requested() != 0) return "the bridge was asked to stop";
  return relay.ended() ? "nothing more will come" : "nothing has come for too long";
}

}  // namespace

SendResult run_relay(Relay& relay, Receiver& from, Sender& to, const StopSignals& stop,
                     const RunOptions& options) {
  relay_all(relay, from, to, stop, options);
  if (options.status) options.status->stop(why_it_ends(relay, stop));
  const Deadline drained = Deadline::after(options.drain_timeout);
  const SendResult flushed = to.flush(drained);
  await_acknowledgements(relay, to, drained);
  return flushed;
}

}  // namespace fifomq
