#include "run_relay.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/readiness.hpp"

namespace fifomq {

namespace {

// How soon an acknowledgement is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenLooks{5};
// How soon room is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenTries{20};
// A message that gets through in a thousand times the watchdog's time is not on its way.
constexpr unsigned kMostPatience = 1024;

bool is_waiting(SendResult result) {
  return result == SendResult::timed_out || result == SendResult::no_peer;
}

}  // namespace

Runner::Runner(Receiver& from, Sender& to, StopSignals& signals, Observers observers,
               RunTimes times, std::function<RunTimes(const RunTimes&)> reload)
    : from_(from),
      to_(to),
      signals_(signals),
      observers_(std::move(observers)),
      manager_(observers_.manager),
      times_(times),
      reload_(std::move(reload)) {}

SendResult Runner::run(Relay& relay) {
  relay_ = &relay;
  if (observers_.losses) losses_.emplace(relay, from_, to_, observers_.losses);
  relay_all();
  if (losses_) losses_->tell();
  if (observers_.status) observers_.status->stop(why_it_ends());
  return finish();
}

void Runner::relay_all() {
  RelayStatus* const status = observers_.status;
  while (true) {
    come_by();
    const std::size_t moved = relay_->step();
    if (losses_) losses_->look();
    if (relay_->ended()) return;
    if (status && status->asked()) status->answer();
    if (moved > 0) {
      if (times_.idle_exit) last_moved_ = Deadline::Clock::now();
      continue;
    }
    // Nothing more to gather for now.
    const bool owes = to_.flush(Deadline::now()) == SendResult::timed_out;
    // Asked to stop, and all that was there has been carried over.
    if (signals_.requested() != 0 || !wait(owes)) return;
  }
}

// What is to be done beside moving messages.
void Runner::come_by() {
  if (manager_.is_due()) show_life();
  manager_.set_patience(1);
  if (signals_.take_reload() && reload_) {
    manager_.reloading();
    times_ = reload_(times_);
    signals_.set_drain_timeout(times_.drain_timeout);
    manager_.reloaded();
  }
  if (signals_.requested() != 0) begin_to_stop();
  // Whoever holds the pipe, or the next reader, keeps the rest.
  if (stopping_ && takes_until_.expired()) from_.stop_taking();
}

void Runner::show_life() {
  manager_.alive("relayed " + std::to_string(relay_->relayed()) + " messages");
}

void Runner::begin_to_stop() {
  if (std::exchange(stopping_, true)) return;
  takes_until_ = Deadline::after(times_.drain_timeout / 2);
  // It is needed twice where nothing can be left.
  manager_.stopping(times_.drain_timeout * 2);
}

// While one message waits for room the loop does not go round; but it is not hung.
Deadline Runner::check_in(unsigned tries) {
  if (tries == 0) return manager_.due();
  // A large message that was half way has to begin again. If it were cut short by each sign of
  // life, a slow peer would never get it.
  const std::uint64_t abandoned = to_.counters().abandoned;
  if (std::exchange(abandoned_, abandoned) < abandoned) {
    manager_.set_patience(std::min(manager_.patience() * 2, kMostPatience));
  }
  if (manager_.is_due()) show_life();
  return manager_.due();
}

// False when nothing has come for too long.
bool Runner::wait(bool owes) {
  RelayStatus* const status = observers_.status;
  std::array<pollfd, 4> waited{
      pollfd{.fd = from_.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = signals_.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = signals_.reload_poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = status ? status->poll_fd() : -1, .events = POLLIN, .revents = 0}};
  const Deadline idle =
      times_.idle_exit ? Deadline::at(last_moved_ + *times_.idle_exit) : Deadline::never();
  Deadline deadline = earlier(idle, manager_.due());
  if (losses_) deadline = earlier(deadline, losses_->next_look());
  const bool in_flight = to_.capabilities().acknowledges && relay_->uncommitted() > 0;
  if (in_flight) deadline = earlier(deadline, Deadline::after(kBetweenLooks));
  // What is observed is tried before it is waited for, and a try may leave the tail of a message
  // here that no other thread sends on.
  if (owes && status) deadline = earlier(deadline, Deadline::after(kBetweenTries));
  return core::wait_for(waited, deadline) > 0 || !idle.expired();
}

std::string Runner::why_it_ends() const {
  if (signals_.requested() != 0) return "the bridge was asked to stop";
  return relay_->ended() ? "nothing more will come" : "nothing has come for too long";
}

SendResult Runner::finish() {
  begin_to_stop();
  const Deadline drained = Deadline::after(times_.drain_timeout);
  SendResult flushed = to_.flush(earlier(drained, manager_.due()));
  while (is_waiting(flushed) && manager_.is_due() && !drained.expired()) {
    show_life();
    flushed = to_.flush(earlier(drained, manager_.due()));
  }
  await_acknowledgements(drained);
  return flushed;
}

// What has left and is not acknowledged yet would come again.
void Runner::await_acknowledgements(Deadline deadline) {
  if (!to_.capabilities().acknowledges) return;
  while (true) {
    relay_->commit();
    if (relay_->uncommitted() == 0 || deadline.expired()) return;
    if (manager_.is_due()) show_life();
    core::wait_for({}, earlier(deadline, Deadline::after(kBetweenLooks)));
    if (to_.flush(Deadline::now()) == SendResult::closed) return;
  }
}

}  // namespace fifomq
