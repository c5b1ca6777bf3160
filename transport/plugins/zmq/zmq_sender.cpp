#include "zmq_sender.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

#include <fifomq/error.hpp>

#include "core/send_errors.hpp"

namespace fifomq::zeromq {
namespace {

// libzmq's high-water mark counts messages; this bounds their bytes.
constexpr std::uint64_t kMostBytesInFlight = std::uint64_t{128} << 20;
// libzmq itself looks for new subscriptions no more often while it is busy.
constexpr auto kLookInterval = std::chrono::milliseconds(1);

zmq::socket_type socket_type(SocketType type) {
  switch (type) {
    case SocketType::pub:
      return zmq::socket_type::xpub;
    case SocketType::pair:
      return zmq::socket_type::pair;
    default:
      return zmq::socket_type::push;
  }
}

bool accepted(SendResult result) {
  return result == SendResult::sent || result == SendResult::dropped;
}

// With drop-old the queue is ours, since nothing can be taken out of libzmq's.
ZmqOptions socket_options(ZmqOptions options) {
  if (options.on_full == OnFull::drop_old) options.high_water_mark = 1;
  return options;
}

}  // namespace

ZmqSender::ZmqSender(Endpoint endpoint, ZmqOptions options, std::shared_ptr<zmq::context_t> context,
                     LogSink log)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(std::move(log)),
      socket_(std::move(context), socket_options(options_), socket_type(options_.type),
              Direction::send),
      in_flight_(std::make_shared<InFlight>(socket_.readiness())) {
  socket_.readiness().signal();
}

ZmqSender::~ZmqSender() {
  const Deadline deadline = Deadline::after(options_.linger);
  try {
    socket_.readiness().ignore_close();
    drain(deadline);
    if (const std::uint64_t unsent = in_flight_->messages(); unsent > 0 && log_) {
      log_(LogLevel::warning, endpoint_.text() + ": " + std::to_string(unsent) +
                                  " messages were still unsent after linger=" +
                                  std::to_string(options_.linger.count()) + "ms");
    }
    wait_for_kernel(deadline);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.remaining());
    socket_.zmq().set(zmq::sockopt::linger, static_cast<int>(left.count()));
  } catch (...) {  // NOLINT(bugprone-empty-catch): there is nobody left to tell
  }
  in_flight_->detach();
}

// What libzmq has let go of may still be in its write buffer, which it throws away when it closes;
// and a peer whose queue is full when the connection closes throws away what it has not read
// (both 4.3.4). No event tells when the last byte has been taken over, so the kernel is asked again
// and again.
void ZmqSender::wait_for_kernel(Deadline deadline) {
  constexpr auto kInterval = std::chrono::milliseconds(1);
  for (int empty = 0; empty < 2 && !deadline.expired();) {
    socket_.peers().update();
    empty = socket_.peers().kernel_backlog() == 0 ? empty + 1 : 0;
    std::this_thread::sleep_for(kInterval);
  }
}

Counters ZmqSender::counters() const {
  socket_.peers().update();
  Counters all = counters_;
  all.messages_pending = in_flight_->messages();
  all.messages_delivered = all.messages_received - all.dropped() - all.messages_pending;
  all.peers = socket_.peers().peers();
  all.peers_lost = socket_.peers().peers_lost();
  return all;
}

std::uint64_t ZmqSender::settled() const {
  return counters_.messages_received - in_flight_->messages();
}

SendResult ZmqSender::send(const MessageView& message, Deadline deadline) {
  core::check_size(message, options_.max_message, endpoint_);
  if (const char* why = core::refusal(message)) throw core::not_representable(why, endpoint_);
  MessageView stamped = message;
  if (!message.origin) stamped.origin = stamp_.next();
  if (message.topic.empty()) stamped.topic = options_.topic;
  SendResult result = SendResult::closed;
  try {
    if (!socket_.readiness().closed()) {
      Parts parts = encode(stamped);
      result = options_.on_full == OnFull::drop_old ? queue(std::move(parts))
                                                    : deliver(parts, stamped.topic, deadline);
      if (!accepted(result)) in_flight_->withdraw_latest();
    }
  } catch (const zmq::error_t& error) {
    if (!message.origin) stamp_.take_back();
    throw to_error(error, endpoint_.text(), "send");
  } catch (const Error&) {
    if (!message.origin) stamp_.take_back();
    throw;
  }
  if (!accepted(result) && !message.origin) stamp_.take_back();
  return result;
}

ZmqSender::Parts ZmqSender::encode(const MessageView& message) {
  Parts parts;
  if (options_.has_topic_part()) parts.topic = zmq::message_t(message.topic);
  if (options_.body == Body::payload) {
    parts.body = in_flight_->make_message(message.payload.size());
    if (!message.payload.empty()) {
      std::memcpy(parts.body.data(), message.payload.data(), message.payload.size());
    }
    return parts;
  }
  const core::Frame frame = core::to_frame(message);
  parts.body = in_flight_->make_message(core::body_size(frame));
  core::write_body(frame, {parts.body.data<std::byte>(), parts.body.size()});
  return parts;
}

SendResult ZmqSender::deliver(Parts& parts, std::string_view topic, Deadline deadline) {
  Attempt outcome = attempt(parts, topic);
  while (outcome == Attempt::full || outcome == Attempt::no_peer) {
    if (outcome == Attempt::full && options_.on_full == OnFull::drop_new)
      return drop(&Counters::full);
    if (outcome == Attempt::full && options_.on_full == OnFull::fail) {
      throw Error(Errc::full, endpoint_.text(), "the queue is full, and on_full=fail");
    }
    arm();
    outcome = attempt(parts, topic);
    if (outcome != Attempt::full && outcome != Attempt::no_peer) break;
    if (!socket_.readiness().wait(deadline)) {
      return outcome == Attempt::no_peer ? SendResult::no_peer : SendResult::timed_out;
    }
    if (socket_.readiness().closed()) return SendResult::closed;
  }
  in_flight_->notify(false);
  if (outcome == Attempt::unsubscribed) return drop(&Counters::unsubscribed);
  ++counters_.messages_received;
  socket_.readiness().signal();
  return SendResult::sent;
}

// With drop-old every message is accepted, at the cost of the one that has waited longest.
SendResult ZmqSender::queue(Parts parts) {
  backlog_.push_back(std::move(parts));
  ++counters_.messages_received;
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

bool ZmqSender::has_room() const {
  return options_.on_full == OnFull::drop_slow || in_flight_->bytes() <= kMostBytesInFlight ||
         in_flight_->messages() <= 1;
}

// False when libzmq has no room; then the parts are as they were. All parts of a message meet the
// same high-water mark, so the second one is never refused.
bool ZmqSender::transmit(Parts& parts) {
  const std::size_t size = parts.body.size();
  if (options_.has_topic_part()) {
    zmq::message_t topic;
    topic.copy(parts.topic);
    if (!send_now(socket_.zmq(), topic, zmq::send_flags::sndmore)) return false;
  }
  if (!send_now(socket_.zmq(), parts.body, zmq::send_flags::none)) return false;
  counters_.bytes_out += size;
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

SendResult ZmqSender::drop(std::uint64_t Counters::*reason) {
  ++counters_.messages_received;
  ++(counters_.*reason);
  return SendResult::dropped;
}

SendResult ZmqSender::flush(Deadline deadline) {
  if (socket_.readiness().closed()) return SendResult::closed;
  try {
    return drain(deadline);
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "send");
  }
}

SendResult ZmqSender::drain(Deadline deadline) {
  while (true) {
    arm();
    pump();
    if (in_flight_->messages() == 0) break;
    if (!socket_.readiness().wait(deadline)) return SendResult::timed_out;
    if (socket_.readiness().closed()) return SendResult::closed;
  }
  in_flight_->notify(false);
  socket_.readiness().signal();
  return SendResult::sent;
}

// From here on, whatever makes another attempt worth while is shown by a descriptor; what came
// before is seen by an attempt made now.
void ZmqSender::arm() {
  in_flight_->notify(true);
  socket_.readiness().clear();
  static_cast<void>(socket_.events());
  socket_.peers().update();
}

}  // namespace fifomq::zeromq
