#include "run_relay.hpp"

#include <array>
#include <string>

#include "core/readiness.hpp"
#include "loss_log.hpp"

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

// Until there is something to do, or the `other` deadline. False when it has been idle for too
// long.
bool await_work(const Relay& relay, Receiver& from, const Sender& to, const StopSignals& stop,
                const RunOptions& options, Deadline other, Deadline idle) {
  std::array<pollfd, 3> waited{
      pollfd{.fd = from.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = stop.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{
          .fd = options.status ? options.status->poll_fd() : -1, .events = POLLIN, .revents = 0}};
  const bool in_flight = to.capabilities().acknowledges && relay.uncommitted() > 0;
  Deadline deadline = earlier(idle, other);
  if (in_flight) deadline = earlier(deadline, Deadline::after(kBetweenLooks));
  return core::wait_for(waited, deadline) > 0 || !idle.expired();
}

void relay_all(Relay& relay, Receiver& from, Sender& to, const StopSignals& stop,
               const RunOptions& options) {
  std::optional<LossLog> losses;
  if (options.losses) losses.emplace(relay, from, to, options.losses);
  auto last_moved = Deadline::Clock::now();
  while (true) {
    const std::size_t moved = relay.step();
    if (losses) losses->look();
    if (relay.ended()) break;
    if (options.status && options.status->asked()) options.status->answer();
    if (moved > 0) {
      if (options.idle_exit) last_moved = Deadline::Clock::now();
      continue;
    }
    // Nothing more to gather for now.
    const bool owes = to.flush(Deadline::now()) == SendResult::timed_out;
    // Asked to stop, and all that was there has been carried over.
    if (stop.requested() != 0) break;
    const Deadline idle =
        options.idle_exit ? Deadline::at(last_moved + *options.idle_exit) : Deadline::never();
    Deadline other = losses ? losses->next_look() : Deadline::never();
    // What is observed is tried before it is waited for, and a try may leave the tail of a message
    // here that no other thread sends on.
    if (owes && options.status) other = earlier(other, Deadline::after(kBetweenTries));
    if (!await_work(relay, from, to, stop, options, other, idle)) break;
  }
  if (losses) losses->tell();
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
