#include "zmq_receiver.hpp"

#include <fifomq/error.hpp>

#include "batch.hpp"
#include "core/plain_frame.hpp"
#include "core/varint.hpp"

namespace fifomq::zeromq {
namespace {

// How many refused messages go by between two looks at the clock.
constexpr std::size_t kRefusedBetweenLooks = 256;

zmq::socket_type socket_type(SocketType type) {
  switch (type) {
    case SocketType::sub:
      return zmq::socket_type::sub;
    case SocketType::pair:
      return zmq::socket_type::pair;
    default:
      return zmq::socket_type::pull;
  }
}

ByteView bytes_of(const zmq::message_t& part) { return {part.data<std::byte>(), part.size()}; }

}  // namespace

ZmqReceiver::ZmqReceiver(Endpoint endpoint, ZmqOptions options,
                         std::shared_ptr<zmq::context_t> context,
                         std::optional<std::uint64_t> take_at_most, core::Notice notice)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      notice_(std::move(notice)),
      socket_(std::move(context), options_, socket_type(options_.type), Direction::receive),
      left_(take_at_most) {
  socket_.readiness().signal();
}

Counters ZmqReceiver::counters() const {
  socket_.peers().update();
  Counters all = counters_;
  all.peers = socket_.peers().peers();
  all.peers_lost = socket_.peers().peers_lost();
  return all;
}

ReceiveResult ZmqReceiver::receive(MessageView& message, Deadline deadline) {
  try {
    return take(message, deadline);
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "receive");
  }
}

ReceiveResult ZmqReceiver::take(MessageView& message, Deadline deadline) {
  core::Readiness& readiness = socket_.readiness();
  for (std::size_t refused = 0; !readiness.closed();) {
    if (left_ == 0) {
      readiness.signal();
      return ReceiveResult::end_of_stream;
    }
    switch (attempt(message)) {
      case Attempt::message:
        if (left_) --*left_;
        readiness.stay_signalled();
        return ReceiveResult::received;
      case Attempt::refused:
        if (++refused % kRefusedBetweenLooks == 0 && deadline.expired())
          return ReceiveResult::timed_out;
        continue;
      case Attempt::nothing:
        break;
    }
    readiness.clear();
    socket_.peers().update();
    // Takes back the edge that the descriptor shows; from here on a new message makes a new one.
    if ((socket_.events() & ZMQ_POLLIN) != 0) continue;
    if (!readiness.wait(deadline)) return ReceiveResult::timed_out;
  }
  return ReceiveResult::closed;
}

ZmqReceiver::Attempt ZmqReceiver::attempt(MessageView& message) {
  if (batch_.empty()) {
    const std::size_t parts = receive_parts();
    if (parts == 0) return Attempt::nothing;
    ++counters_.messages_received;
    if (!decode(parts, message)) return Attempt::refused;
  } else {
    ++counters_.messages_received;
    if (!decode_next_of_batch(message)) return Attempt::refused;
  }
  ++counters_.messages_delivered;
  return Attempt::message;
}

// How many parts the next message has; none when there is no message. Only the first two are kept.
std::size_t ZmqReceiver::receive_parts() {
  std::size_t count = 0;
  zmq::message_t surplus;
  bool more = true;
  while (more) {
    zmq::message_t& part = count < parts_.size() ? parts_[count] : surplus;
    if (!receive_now(socket_.zmq(), part)) return 0;
    more = part.more();
    ++count;
  }
  return count;
}

bool ZmqReceiver::decode(std::size_t parts, MessageView& message) {
  const std::size_t expected = options_.has_topic_part() ? 2 : 1;
  if (parts != expected) {
    return refuse(&Counters::undecodable, "a message has " + std::to_string(parts) +
                                              " parts where " + std::to_string(expected) +
                                              " would be right");
  }
  const ByteView body = bytes_of(parts_[expected - 1]);
  if (options_.body == Body::payload) {
    message = {.payload = body, .topic = options_.topic, .origin = Origin{}};
    if (options_.has_topic_part()) message.topic = as_text(bytes_of(parts_[0]));
    return fits(message);
  }
  if (!is_batch(body)) return decode_frame(body, message);
  batch_ = body;
  return decode_next_of_batch(message);
}

bool ZmqReceiver::decode_next_of_batch(MessageView& message) {
  std::uint64_t size = 0;
  if (core::take_varint(batch_, size) != core::TakeStatus::taken || size > batch_.size()) {
    batch_ = {};
    return refuse(&Counters::undecodable, "a batch of frames is cut off");
  }
  const ByteView body = batch_.first(size);
  batch_ = batch_.subspan(size);
  return decode_frame(body, message);
}

bool ZmqReceiver::decode_frame(ByteView body, MessageView& message) {
  if (!core::read_plain_body(body, message)) {
    core::Frame frame;
    const auto status = core::parse_body(body, frame, unknown_);
    if (status == core::ParseStatus::wrong_check) ++counters_.frames_damaged;
    if (status != core::ParseStatus::parsed || frame.is_fragment()) {
      return refuse(&Counters::undecodable,
                    "a message is no whole fifomq.v1.Frame; body=payload takes any bytes");
    }
    message = core::to_message(frame);
  }
  return fits(message);
}

bool ZmqReceiver::fits(const MessageView& message) {
  if (message.payload.size() <= options_.max_message) return true;
  return refuse(&Counters::too_large, "a message of " + std::to_string(message.payload.size()) +
                                          " bytes is over max_message");
}

bool ZmqReceiver::refuse(std::uint64_t Counters::*reason, std::string_view sentence) {
  ++(counters_.*reason);
  if (notice_) std::exchange(notice_, {})(sentence);
  return false;
}

}  // namespace fifomq::zeromq
