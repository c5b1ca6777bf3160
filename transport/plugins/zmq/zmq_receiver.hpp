#pragma once

#include <array>

#include "socket_receiver.hpp"

namespace fifomq::zeromq {

// pull, sub, pair.
class ZmqReceiver final : public SocketReceiver {
 public:
  ZmqReceiver(Endpoint endpoint, const ZmqOptions& options, std::shared_ptr<Context> context,
              const OpenOptions& open);

  Capabilities capabilities() const override {
    return capabilities_of(options(), Direction::receive);
  }
  void commit(std::uint64_t) override {}

 private:
  Attempt attempt(MessageView& message) override;
  std::size_t receive_parts();
  bool decode(std::size_t parts, MessageView& message);
  bool decode_next_of_batch(MessageView& message);

  std::array<zmq::message_t, 2> parts_;  // of the message handed out last
  ByteView batch_;                       // what is left of it, in parts_
};

}  // namespace fifomq::zeromq
