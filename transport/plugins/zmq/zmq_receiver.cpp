#include "zmq_receiver.hpp"

#include <utility>

#include <fifomq/error.hpp>

#include "core/frame_batch.hpp"

namespace fifomq::zeromq {
namespace {

zmq::socket_type receiving_type(SocketType type) {
  switch (type) {
    case SocketType::sub:
      return zmq::socket_type::sub;
    case SocketType::pair:
      return zmq::socket_type::pair;
    default:
      return zmq::socket_type::pull;
  }
}

}  // namespace

ZmqReceiver::ZmqReceiver(Endpoint endpoint, const ZmqOptions& options,
                         std::shared_ptr<Context> context, const OpenOptions& open)
    : SocketReceiver(std::move(endpoint), options, std::move(context), receiving_type(options.type),
                     open, "a message is no whole fifomq.v1.Frame; body=payload takes any bytes") {}

ZmqReceiver::Attempt ZmqReceiver::attempt(MessageView& message) {
  if (batch_.empty()) {
    const std::size_t parts = receive_parts();
    if (parts == 0) return Attempt::nothing;
    ++counts().messages_received;
    if (!decode(parts, message)) return Attempt::refused;
  } else {
    ++counts().messages_received;
    if (!decode_next_of_batch(message)) return Attempt::refused;
  }
  ++counts().messages_delivered;
  return Attempt::message;
}

// How many parts the next message has; none when there is no message. Only the first two are kept.
std::size_t ZmqReceiver::receive_parts() {
  std::size_t count = 0;
  zmq::message_t surplus;
  bool more = true;
  while (more) {
    zmq::message_t& part = count < parts_.size() ? parts_[count] : surplus;
    if (!receive_now(zmq(), part)) return 0;
    more = part.more();
    ++count;
  }
  return count;
}

bool ZmqReceiver::decode(std::size_t parts, MessageView& message) {
  const std::size_t expected = options().has_topic_part() ? 2 : 1;
  if (parts != expected) {
    return refuse(&Counters::undecodable, "a message has " + std::to_string(parts) +
                                              " parts where " + std::to_string(expected) +
                                              " would be right");
  }
  const ByteView body = bytes_of(parts_[expected - 1]);
  if (options().body == Body::payload) {
    message = {.payload = body, .topic = options().topic, .origin = Origin{}};
    if (options().has_topic_part()) message.topic = as_text(bytes_of(parts_[0]));
    return reader().fits(message, counts());
  }
  if (!core::is_batch(body)) return reader().read(body, message, counts());
  batch_ = body;
  return decode_next_of_batch(message);
}

bool ZmqReceiver::decode_next_of_batch(MessageView& message) {
  const auto body = core::take_from_batch(batch_);
  if (!body) return refuse(&Counters::undecodable, core::kBatchCutOff);
  return reader().read(*body, message, counts());
}

}  // namespace fifomq::zeromq
