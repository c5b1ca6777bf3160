#pragma once

#include <array>
#include <optional>
#include <string>

#include "core/decoder.hpp"
#include "zmq_socket.hpp"

namespace fifomq::zeromq {

// pull, sub, pair.
class ZmqReceiver final : public Receiver {
 public:
  ZmqReceiver(Endpoint endpoint, ZmqOptions options, std::shared_ptr<zmq::context_t> context,
              std::optional<std::uint64_t> take_at_most, core::Notice notice);

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override {
    return capabilities_of(options_, Direction::receive);
  }
  int poll_fd() override { return socket_.readiness().fd(); }
  Counters counters() const override;
  void close() noexcept override { socket_.readiness().close(); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override;
  void commit(std::uint64_t) override {}

 private:
  enum class Attempt { message, refused, nothing };

  ReceiveResult take(MessageView& message, Deadline deadline);
  Attempt attempt(MessageView& message);
  std::size_t receive_parts();
  bool decode(std::size_t parts, MessageView& message);
  bool decode_next_of_batch(MessageView& message);
  bool decode_frame(ByteView body, MessageView& message);
  bool fits(const MessageView& message);
  bool refuse(std::uint64_t Counters::*reason, std::string_view sentence);

  const Endpoint endpoint_;
  const ZmqOptions options_;
  core::Notice notice_;
  mutable Socket socket_;
  std::optional<std::uint64_t> left_;
  std::array<zmq::message_t, 2> parts_;  // of the message handed out last
  ByteView batch_;                       // what is left of it, in parts_
  std::string unknown_;
  Counters counters_;
};

}  // namespace fifomq::zeromq
