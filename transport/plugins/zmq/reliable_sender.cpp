#include "reliable_sender.hpp"

#include <algorithm>
#include <utility>

#include <fifomq/error.hpp>

#include "core/frame_body.hpp"
#include "core/send_errors.hpp"

namespace fifomq::zeromq {
namespace {

// Between two turns of the thread while the caller is busy sending.
constexpr std::chrono::microseconds kTurn{200};
// How long it stays away while a call waits, and at most otherwise.
constexpr std::chrono::milliseconds kRest{100};
constexpr std::chrono::seconds kLongestPause{60};

}  // namespace

ReliableSender::ReliableSender(Endpoint endpoint, ZmqOptions options,
                               std::shared_ptr<Context> context, LogSink log)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(std::move(log)),
      link_(std::move(context), options_, log_) {
  link_.readiness().signal();
}

ReliableSender::~ReliableSender() {
  flusher_.reset();
  const Deadline deadline = Deadline::after(options_.linger);
  try {
    ending_ = true;
    link_.readiness().ignore_close();
    Lock lock(mutex_);
    await(&ReliableLink::all_acknowledged, deadline, lock);
    const std::uint64_t left = link_.accepted() - link_.outbox().acknowledged();
    if (left > 0 && log_) {
      log_(LogLevel::warning, endpoint_.text() + ": " + std::to_string(left) +
                                  " messages were not acknowledged within linger=" +
                                  std::to_string(options_.linger.count()) + "ms");
    }
    link_.linger(deadline);
  } catch (...) {  // NOLINT(bugprone-empty-catch): there is nobody left to tell
  }
}

Counters ReliableSender::counters() const {
  const Lock lock(mutex_);
  return link_.counters();
}

// To ask is to look what has come in: nobody else may be there to do so.
std::uint64_t ReliableSender::settled() const {
  const Lock lock(mutex_);
  try {
    if (!closed()) link_.drive();
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "send");
  }
  return link_.outbox().acknowledged();
}

SendResult ReliableSender::send(const MessageView& message, Deadline deadline) {
  core::check_size(message, options_.max_message, endpoint_);
  if (const char* why = core::refusal(message)) throw core::not_representable(why, endpoint_);
  MessageView stamped = message;
  if (!message.origin) stamped.origin = stamp_.peek();
  if (message.topic.empty()) stamped.topic = options_.topic;
  const core::FrameBody body(stamped);
  Lock lock(mutex_);
  try {
    const SendResult result = await_room(body.delimited_size(), deadline, lock);
    if (result != SendResult::sent) return result;
    link_.accept(body);
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "send");
  }
  if (!message.origin) stamp_.next();
  link_.readiness().stay_signalled();
  hand_over();
  return SendResult::sent;
}

// `sent`: there is room.
SendResult ReliableSender::await_room(std::size_t bytes, Deadline deadline, Lock& lock) {
  if (closed()) return SendResult::closed;
  link_.drive_now_and_then();
  while (true) {
    check_refusal();
    if (link_.peer_there() && link_.has_room(bytes)) return SendResult::sent;
    // Room comes with acknowledgements, and these with what has left.
    link_.finish_batch();
    link_.readiness().clear();
    link_.watch_leaving();
    link_.drive();
    if (link_.outbox().refusal() || (link_.peer_there() && link_.has_room(bytes))) continue;
    if (!wait(deadline, lock)) return nothing_came();
    if (closed()) return SendResult::closed;
  }
}

void ReliableSender::check_refusal() const {
  const auto& refusal = link_.outbox().refusal();
  if (refusal) throw Error(Errc::unsupported, endpoint_.text(), "refused: " + refusal->reason);
}

SendResult ReliableSender::flush(Deadline deadline) {
  Lock lock(mutex_);
  if (closed()) return SendResult::closed;
  try {
    const SendResult result = await(&ReliableLink::all_left, deadline, lock);
    hand_over();
    check_refusal();
    return result;
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "send");
  }
}

// Or until the receiver has refused, when there is nothing to wait for.
SendResult ReliableSender::await(bool (ReliableLink::*done)(), Deadline deadline, Lock& lock) {
  while (true) {
    link_.finish_batch();
    link_.readiness().clear();
    link_.watch_leaving();
    link_.drive();
    if ((link_.*done)() || link_.outbox().refusal()) break;
    if (!wait(deadline, lock)) return nothing_came();
    if (closed()) return SendResult::closed;
  }
  link_.readiness().stay_signalled();
  return SendResult::sent;
}

// Until something may have happened; false when the deadline has passed.
bool ReliableSender::wait(Deadline deadline, Lock& lock) {
  const Deadline until = earlier(deadline, link_.next_question());
  // What is ready for nothing delays no deadline.
  const bool is_late = deadline.expired();
  waiting_ = true;
  lock.unlock();
  const bool ready = link_.readiness().wait(until);
  lock.lock();
  waiting_ = false;
  return (ready && !is_late) || !deadline.expired();
}

// From here on the thread does what is left to do. Where the system grants none, each call does.
void ReliableSender::hand_over() noexcept {
  const bool awake = turning_ && !resting_;
  if (awake || link_.all_acknowledged()) return;
  try {
    if (!flusher_) {
      flusher_ = std::make_unique<core::Flusher>(endpoint_.text(), [this](bool) { return turn(); });
    }
    turning_ = true;
    resting_ = false;
    flusher_->arm();
  } catch (...) {  // NOLINT(bugprone-empty-catch): see above
  }
}

core::Flusher::Next ReliableSender::turn() {
  const Lock lock(mutex_);
  resting_ = waiting_;
  if (resting_) return {.pause = kRest};
  const bool busy = link_.accepted() != std::exchange(accepted_before_, link_.accepted());
  try {
    if (!busy) link_.watch_leaving();
    link_.finish_batch_if_idle();
    // What a call would have seen, it may be waiting for.
    if (link_.drive()) link_.readiness().signal();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the next call meets it again
  }
  if (busy) return {.pause = kTurn};
  turning_ = !link_.all_acknowledged();
  if (!turning_) return {};
  const auto pause = link_.next_question().remaining();
  return {.pause = std::min<std::chrono::nanoseconds>(pause, kLongestPause), .fd = link_.fd()};
}

}  // namespace fifomq::zeromq
