#include "run_relay.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/posix.hpp"
#include "core/readiness.hpp"
#include "observed_sender.hpp"

namespace fifomq {

namespace {

// How soon an acknowledgement is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenLooks{50};
// How soon room is seen that no event announces.
constexpr std::chrono::milliseconds kBetweenTries{20};
// How old the counters may be that are told while a message waits for room.
constexpr std::chrono::seconds kBetweenAnswers{1};
// A message that gets through in a thousand times the watchdog's time is not on its way.
constexpr unsigned kMostPatience = 1024;

}  // namespace

Runner::Runner(Receiver& from, Sender& to, StopSignals& signals, Observers observers,
               EndsWhen ends_when)
    : from_(from),
      to_(to),
      signals_(signals),
      observers_(std::move(observers)),
      manager_(observers_.manager),
      loop_(manager_),
      ends_when_(std::move(ends_when)),
      settles_(from.capabilities().explicit_commit || to.capabilities().acknowledges) {
  if (!settles_) return;
  // Here, since later there may be no descriptor for it.
  happenings_ = core::UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  epoll_event edges{.events = EPOLLIN | EPOLLET, .data = {}};
  if (!happenings_ || epoll_ctl(happenings_.get(), EPOLL_CTL_ADD, to_.poll_fd(), &edges) != 0) {
    throw core::system_error(errno, to_.endpoint().text(), "set up waiting");
  }
}

SendResult Runner::run(Relay& relay) {
  relay_ = &relay;
  if (observers_.losses) losses_.emplace(ObservedRelay{relay, from_, to_}, observers_.losses);
  relay_all();
  if (losses_) losses_->tell();
  if (observers_.status) observers_.status->stop(why_it_ends());
  return finish();
}

void Runner::relay_all() {
  RelayStatus* const status = observers_.status;
  while (true) {
    come_by();
    const bool is_last_look = told_to_end();
    const std::size_t moved = relay_->step();
    if (losses_) losses_->look();
    if (relay_->ended()) return;
    if (status && status->asked()) status->answer();
    if (moved > 0) {
      if (ends_when_.idle) last_moved_ = Deadline::Clock::now();
      continue;
    }
    // Nothing more to gather for now.
    const bool owes = to_.flush(Deadline::now()) == SendResult::timed_out;
    // All that was there has been carried over.
    if (is_last_look || !wait(owes)) return;
  }
}

// Once all that is there has been carried over. What feeds FROM is asked to stop as well, and may
// bring more until it has.
bool Runner::told_to_end() const {
  return ends_when_.fed ? ends_when_.fed->has_come() : signals_.requested() != 0;
}

// What is to be done beside moving messages.
void Runner::come_by() {
  if (loop_.is_due()) show_life();
  loop_.set_patience(1);
  look_at_line();
  if (observers_.status) answer_due_ = Deadline::after(kBetweenAnswers);
  if (ends_when_.reload && signals_.take_reload()) {
    manager_.reloading();
    ends_when_.idle = ends_when_.reload(ends_when_.idle);
    manager_.reloaded();
  }
  if (signals_.requested() != 0) begin_to_stop();
  // Whoever holds the pipe, or the next reader, keeps the rest.
  if (stopping_ && takes_until_.expired()) from_.stop_taking();
}

void Runner::show_life() {
  loop_.alive("relayed " + std::to_string(relay_->relayed()) + " messages");
}

void Runner::look_at_line() const {
  if (observers_.line) observers_.line->look();
}

// When there is something to be done beside waiting.
Deadline Runner::due() const {
  return observers_.line ? earlier(loop_.due(), observers_.line->due()) : loop_.due();
}

void Runner::begin_to_stop() {
  if (std::exchange(stopping_, true)) return;
  takes_until_ = Deadline::after(signals_.drain_timeout() / 2);
  // It is needed twice where nothing can be left.
  manager_.stopping(signals_.drain_timeout() * 2);
}

// While one message waits for room the loop does not go round; but it is not hung.
Deadline Runner::check_in(const MessageView& message, unsigned tries) {
  StatusLine* const line = observers_.line;
  if (tries == 0 && line) line->took(message);
  if (tries > 0) come_by_waiting(message);
  // Nothing of a large message is sent again for the sake of those who look on.
  return leaves_in_one_piece(message) ? earlier(due(), answer_due_) : loop_.due();
}

void Runner::come_by_waiting(const MessageView& message) {
  // A large message that was half way has to begin again. If it were cut short by each sign of
  // life, a slow peer would never get it.
  const std::uint64_t abandoned = to_.counters().abandoned;
  if (std::exchange(abandoned_, abandoned) < abandoned) {
    loop_.set_patience(std::min(loop_.patience() * 2, kMostPatience));
  }
  if (loop_.is_due()) show_life();
  if (!leaves_in_one_piece(message)) return;
  if (observers_.line) observers_.line->waits();
  look_at_line();
  // With the next try they are told anew.
  if (answer_due_.expired()) answer_due_ = Deadline::after(kBetweenAnswers);
}

// False when nothing has come for too long.
bool Runner::wait(bool owes) {
  RelayStatus* const status = observers_.status;
  const bool in_flight = settles_ && relay_->uncommitted() > 0;
  std::array<pollfd, 6> waited{
      pollfd{.fd = in_flight ? acknowledgement_fd() : -1, .events = POLLIN, .revents = 0},
      pollfd{.fd = from_.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{.fd = stopping_ ? -1 : signals_.poll_fd(), .events = POLLIN, .revents = 0},
      pollfd{
          .fd = ends_when_.reload ? signals_.reload_poll_fd() : -1, .events = POLLIN, .revents = 0},
      pollfd{.fd = ends_when_.fed ? ends_when_.fed->poll_fd() : -1, .events = POLLIN, .revents = 0},
      pollfd{.fd = status ? status->poll_fd() : -1, .events = POLLIN, .revents = 0}};
  const Deadline idle =
      ends_when_.idle ? Deadline::at(last_moved_ + *ends_when_.idle) : Deadline::never();
  Deadline deadline = earlier(idle, due());
  if (!takes_until_.expired()) deadline = earlier(deadline, takes_until_);
  if (losses_) deadline = earlier(deadline, losses_->next_look());
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
  const Deadline drained = Deadline::after(signals_.drain_timeout());
  Deadline until = earlier(drained, due());
  SendResult flushed = to_.flush(until);
  while (would_wait(flushed) && until.expired() && !drained.expired()) {
    if (loop_.is_due()) show_life();
    look_at_line();
    until = earlier(drained, due());
    flushed = to_.flush(until);
  }
  await_acknowledgements(drained);
  return flushed;
}

// A sender's descriptor is readable as long as there is room. What counts here is that something
// new has happened: an edge, which stays until it is taken.
int Runner::acknowledgement_fd() {
  epoll_event taken{};
  epoll_wait(happenings_.get(), &taken, 1, 0);
  // What came before is seen now.
  relay_->commit();
  return happenings_.get();
}

void Runner::wait_for_acknowledgement(Deadline deadline) {
  pollfd waited{.fd = acknowledgement_fd(), .events = POLLIN, .revents = 0};
  if (relay_->uncommitted() > 0) core::wait_for({&waited, 1}, deadline);
}

// What has left and is not acknowledged yet would come again.
void Runner::await_acknowledgements(Deadline deadline) {
  if (!settles_) return;
  while (true) {
    relay_->commit();
    if (relay_->uncommitted() == 0 || deadline.expired()) return;
    if (loop_.is_due()) show_life();
    look_at_line();
    wait_for_acknowledgement(earlier(deadline, Deadline::after(kBetweenLooks)));
    if (to_.flush(Deadline::now()) == SendResult::closed) return;
  }
}

}  // namespace fifomq
