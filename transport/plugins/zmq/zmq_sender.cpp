#include "zmq_sender.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fifomq/error.hpp>

#include "core/frame_body.hpp"
#include "core/send_errors.hpp"

namespace fifomq::zeromq {
namespace {

// libzmq's high-water mark counts messages; this bounds their bytes, to what keeps a connection
// busy.
constexpr std::uint64_t kMostBytesInFlight = std::uint64_t{4} << 20;
// libzmq itself looks for new subscriptions no more often while it is busy.
constexpr auto kLookInterval = std::chrono::milliseconds(1);
// Between two turns in which what was gathered leaves.
constexpr auto kTurn = std::chrono::microseconds(200);

zmq::socket_type sending_type(SocketType type) {
  switch (type) {
    case SocketType::pub:
      return zmq::socket_type::xpub;
    case SocketType::pair:
      return zmq::socket_type::pair;
    default:
      return zmq::socket_type::push;
  }
}

void set(zmq::message_t& part, std::string_view text) { part.rebuild(text.data(), text.size()); }

// With drop-old the queue is ours, since nothing can be taken out of libzmq's.
ZmqOptions socket_options(ZmqOptions options) {
  if (options.on_full == OnFull::drop_old) options.high_water_mark = 1;
  return options;
}

}  // namespace

ZmqSender::ZmqSender(Endpoint endpoint, ZmqOptions options, std::shared_ptr<Context> context,
                     LogSink log)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(std::move(log)),
      socket_(std::move(context), socket_options(options_), sending_type(options_.type),
              Direction::send, log_),
      in_flight_(InFlight::open(socket_.readiness())) {
  if (options_.batch > 0) batch_.emplace(*in_flight_, options_.batch);
  socket_.readiness().signal();
}

ZmqSender::~ZmqSender() {
  flusher_.reset();
  const Deadline deadline = Deadline::after(options_.linger);
  try {
    ending_ = true;
    socket_.readiness().ignore_close();
    drain(deadline);
    if (const std::uint64_t unsent = pending(); unsent > 0 && log_) {
      log_(LogLevel::warning, endpoint_.text() + ": " + std::to_string(unsent) +
                                  " messages were still unsent after linger=" +
                                  std::to_string(options_.linger.count()) + "ms");
    }
    socket_.peers().wait_for_kernel(deadline);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.remaining());
    socket_.zmq().set(zmq::sockopt::linger, static_cast<int>(left.count()));
  } catch (...) {  // NOLINT(bugprone-empty-catch): there is nobody left to tell
  }
}

bool ZmqSender::closed() const { return !ending_ && socket_.readiness().closed(); }

Counters ZmqSender::counters() const {
  const auto guard = lock();
  Counters all = counters_;
  socket_.count_peers(all);
  all.messages_pending = pending();
  all.messages_delivered = all.messages_received - all.dropped() - all.messages_pending;
  return all;
}

std::uint64_t ZmqSender::settled() const {
  const auto guard = lock();
  return counters_.messages_received - pending();
}

std::uint64_t ZmqSender::pending() const {
  return in_flight_->messages() + (batch_ ? batch_->messages() : 0);
}

SendResult ZmqSender::send(const MessageView& message, Deadline deadline) {
  core::check_size(message, options_.max_message, endpoint_);
  if (const char* why = core::refusal(message)) throw core::not_representable(why, endpoint_);
  const auto guard = lock();
  MessageView stamped = message;
  if (!message.origin) stamped.origin = stamp_.next();
  if (message.topic.empty()) stamped.topic = options_.topic;
  SendResult result = SendResult::closed;
  try {
    if (!closed()) {
      result = gathering_ ? gather(stamped, deadline) : leave_at_once(stamped, deadline);
    }
  } catch (const zmq::error_t& error) {
    take_back(message);
    throw to_error(error, endpoint_.text(), "send");
  } catch (const Error&) {
    take_back(message);
    throw;
  }
  if (result == SendResult::sent || result == SendResult::dropped) {
    ++counters_.messages_received;
  } else {
    take_back(message);
  }
  return result;
}

// It is not sent: its number is the next one's.
void ZmqSender::take_back(const MessageView& message) {
  if (!message.origin) stamp_.take_back();
  parts_.body.rebuild();
}

SendResult ZmqSender::leave_at_once(const MessageView& message, Deadline deadline) {
  if (batch_) pace_.begins();
  encode(message);
  if (options_.on_full == OnFull::drop_old) return queue();
  SendResult result = deliver(parts_, message.topic, 1, deadline, options_.on_full);
  if (result == SendResult::timed_out && options_.on_full == OnFull::drop_new) result = drop_new();
  if (result != SendResult::sent) {
    in_flight_->withdraw_latest();
    parts_.body.rebuild();
  } else if (batch_) {
    pace_.ends();
    if (pace_.quickens()) gathering_ = have_flusher();
  }
  return result;
}

// Where the system grants no thread, nothing is gathered.
bool ZmqSender::have_flusher() noexcept {
  try {
    if (!flusher_) {
      flusher_ = std::make_unique<core::Flusher>(endpoint_.text(),
                                                 [this](bool) { return flusher_turn(); });
    }
  } catch (...) {
    return false;
  }
  flusher_->arm();
  return true;
}

SendResult ZmqSender::gather(const MessageView& message, Deadline deadline) {
  const core::FrameBody body(message);
  while (true) {
    if (finished_messages_ > 0) {
      const SendResult earlier = send_finished(deadline, options_.on_full);
      // What is dropped for want of room is the new message.
      if (earlier == SendResult::timed_out && options_.on_full == OnFull::drop_new) {
        return drop_new();
      }
      if (earlier != SendResult::sent) return earlier;
    }
    const Batch::Fit fit = batch_->append(body, message.topic);
    if (fit == Batch::Fit::appended) return SendResult::sent;
    if (batch_->empty()) return leave_at_once(message, deadline);
    finish_batch();
  }
}

// From here on it is a message of libzmq's, and stays one until it leaves.
void ZmqSender::finish_batch() {
  finished_messages_ = batch_->messages();
  if (options_.has_topic_part()) set(finished_.topic, batch_->topic());
  finished_.body_bytes = batch_->finish(finished_.body).bytes;
}

// `sent` also when nobody had subscribed to it.
SendResult ZmqSender::send_finished(Deadline deadline, OnFull on_full) {
  const SendResult result =
      deliver(finished_, as_text(bytes_of(finished_.topic)), finished_messages_, deadline, on_full);
  if (result != SendResult::sent && result != SendResult::dropped) return result;
  finished_.body.rebuild();
  finished_messages_ = 0;
  return SendResult::sent;
}

// `sent` when nothing is gathered any more.
SendResult ZmqSender::send_gathered(Deadline deadline) {
  while (batch_ && (finished_messages_ > 0 || !batch_->empty())) {
    if (finished_messages_ == 0) finish_batch();
    // What was accepted waits, whatever becomes of new ones.
    const SendResult result = send_finished(deadline, OnFull::block);
    if (result != SendResult::sent) return result;
  }
  return SendResult::sent;
}

core::Flusher::Next ZmqSender::flusher_turn() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return {.pause = kTurn};
  try {
    send_gathered(Deadline::now());
  } catch (...) {  // NOLINT(bugprone-empty-catch): the next call meets it again
  }
  const bool slackens = pace_.slackens(counters_.messages_received);
  if (!slackens || finished_messages_ > 0 || !batch_->empty()) return {.pause = kTurn};
  gathering_ = false;
  return {};
}

void ZmqSender::encode(const MessageView& message) {
  if (options_.has_topic_part()) set(parts_.topic, message.topic);
  if (options_.body == Body::payload) {
    parts_.body_bytes = message.payload.size();
    std::byte* const out = in_flight_->make(parts_.body, parts_.body_bytes);
    if (!message.payload.empty()) {
      std::memcpy(out, message.payload.data(), message.payload.size());
    }
  } else {
    const core::FrameBody body(message);
    parts_.body_bytes = body.size();
    body.write(in_flight_->make(parts_.body, parts_.body_bytes));
  }
}

// With OnFull::drop_new it waits for no room, and `timed_out` is for the caller to count.
SendResult ZmqSender::deliver(Parts& parts, std::string_view topic, std::uint64_t messages,
                              Deadline deadline, OnFull on_full) {
  Attempt outcome = attempt(parts, topic);
  while (outcome == Attempt::full || outcome == Attempt::no_peer) {
    if (outcome == Attempt::full && on_full == OnFull::drop_new) return SendResult::timed_out;
    if (outcome == Attempt::full && on_full == OnFull::fail) {
      throw Error(Errc::full, endpoint_.text(), "the queue is full, and on_full=fail");
    }
    // Not at the first byte of room: the two ends would take turns at every message. Where libzmq
    // has no room, it tells itself when half of its queue is free.
    arm(has_room() ? std::nullopt : std::optional(in_flight_->messages() / 2));
    outcome = attempt(parts, topic);
    if (outcome != Attempt::full && outcome != Attempt::no_peer) break;
    if (!socket_.readiness().wait(deadline)) {
      return outcome == Attempt::no_peer ? SendResult::no_peer : SendResult::timed_out;
    }
    if (closed()) return SendResult::closed;
  }
  in_flight_->notify_never();
  if (outcome == Attempt::unsubscribed) {
    counters_.unsubscribed += messages;
    return SendResult::dropped;
  }
  socket_.readiness().stay_signalled();
  return SendResult::sent;
}

// With drop-old every message is accepted, at the cost of the one that has waited longest.
SendResult ZmqSender::queue() {
  backlog_.push_back(std::exchange(parts_, {}));
  pump();
  const auto most = static_cast<std::size_t>(std::max(options_.high_water_mark, 1));
  if (backlog_.size() > most) {
    backlog_.pop_front();
    ++counters_.full;
  }
  return SendResult::sent;
}

void ZmqSender::pump() {
  while (!backlog_.empty()) {
    Parts& parts = backlog_.front();
    const Attempt outcome = attempt(parts, {parts.topic.data<char>(), parts.topic.size()});
    if (outcome == Attempt::full || outcome == Attempt::no_peer) return;
    if (outcome == Attempt::unsubscribed) ++counters_.unsubscribed;
    backlog_.pop_front();
  }
}

ZmqSender::Attempt ZmqSender::attempt(Parts& parts, std::string_view topic) {
  const bool publishes = options_.type == SocketType::pub;
  if (publishes || options_.wait_peers > 0) look_around(false);
  if (!enough_peers()) {
    look_around(true);
    if (!enough_peers()) return Attempt::no_peer;
  }
  if (publishes && !subscriptions_.match(topic)) {
    look_around(true);
    if (!subscriptions_.match(topic)) return Attempt::unsubscribed;
  }
  if (has_room() && transmit(parts)) return Attempt::sent;
  socket_.peers().update();
  return socket_.peers().peers() > 0 ? Attempt::full : Attempt::no_peer;
}

bool ZmqSender::has_room() {
  return options_.on_full == OnFull::drop_slow || in_flight_->within(kMostBytesInFlight) ||
         in_flight_->messages() <= 1;
}

// False when libzmq has no room; then the parts are as they were. All parts of a message meet the
// same high-water mark, so the second one is never refused.
bool ZmqSender::transmit(Parts& parts) {
  if (options_.has_topic_part()) {
    zmq::message_t topic;
    topic.copy(parts.topic);
    if (!send_now(socket_.zmq(), topic, zmq::send_flags::sndmore)) return false;
  }
  if (!send_now(socket_.zmq(), parts.body, zmq::send_flags::none)) return false;
  counters_.bytes_out += parts.body_bytes;
  return true;
}

bool ZmqSender::enough_peers() {
  if (options_.wait_peers == 0) return true;
  return socket_.peers().peers() >= options_.wait_peers &&
         (options_.type != SocketType::pub || subscriptions_.count() >= options_.wait_peers);
}

// Takes in who has come, gone, or subscribed. That costs system calls, so while messages flow it is
// done now and then only.
void ZmqSender::look_around(bool at_once) {
  const auto now = std::chrono::steady_clock::now();
  if (!at_once && now - looked_around_ < kLookInterval) return;
  looked_around_ = now;
  socket_.peers().update();
  if (options_.type != SocketType::pub) return;
  zmq::message_t message;
  while (receive_now(socket_.zmq(), message)) {
    subscriptions_.take({message.data<std::byte>(), message.size()});
  }
}

SendResult ZmqSender::drop_new() {
  ++counters_.full;
  return SendResult::dropped;
}

SendResult ZmqSender::flush(Deadline deadline) {
  const auto guard = lock();
  if (closed()) return SendResult::closed;
  try {
    return drain(deadline);
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "send");
  }
}

SendResult ZmqSender::drain(Deadline deadline) {
  if (const SendResult result = send_gathered(deadline); result != SendResult::sent) return result;
  while (true) {
    arm(0);
    pump();
    if (in_flight_->messages() == 0) break;
    if (!socket_.readiness().wait(deadline)) return SendResult::timed_out;
    if (closed()) return SendResult::closed;
  }
  in_flight_->notify_never();
  socket_.readiness().stay_signalled();
  return SendResult::sent;
}

// From here on, whatever makes another attempt worth while is shown by a descriptor, also that no
// more than so many messages are in flight; what came before is seen by an attempt made now.
void ZmqSender::arm(std::optional<std::uint64_t> most_in_flight) {
  if (most_in_flight) {
    in_flight_->notify_at(*most_in_flight);
  } else {
    in_flight_->notify_never();
  }
  socket_.readiness().clear();
  static_cast<void>(socket_.events());
  socket_.peers().update();
}

}  // namespace fifomq::zeromq
