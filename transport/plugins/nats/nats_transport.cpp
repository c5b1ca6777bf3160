// `nats:SUBJECT@HOST`: a stream of NATS JetStream.
#include <fifomq/transport.hpp>

#include "core/framing.hpp"
#include "nats_receiver.hpp"
#include "nats_sender.hpp"

namespace fifomq {
namespace jetstream {
namespace {

class NatsTransport final : public Transport {
 public:
  std::span<const SchemeInfo> schemes() const override { return scheme_infos(); }

  void check(const Endpoint& endpoint, Direction direction) const override {
    parse_options(endpoint, direction);
  }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions& open) override {
    return std::make_unique<NatsSender>(endpoint, parse_options(endpoint, Direction::send),
                                        open.log);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    return std::make_unique<NatsReceiver>(endpoint, parse_options(endpoint, Direction::receive),
                                          open, core::notice_for(endpoint, open.log));
  }
};

}  // namespace
}  // namespace jetstream

namespace plugins {

std::unique_ptr<Transport> make_nats_transport() {
  return std::make_unique<jetstream::NatsTransport>();
}

}  // namespace plugins
}  // namespace fifomq
