// `zmq+TYPE:ADDRESS`: ZeroMQ sockets.
#include <mutex>

#include <fifomq/transport.hpp>

#include "core/framing.hpp"
#include "zmq_receiver.hpp"
#include "zmq_sender.hpp"

namespace fifomq {
namespace zeromq {
namespace {

class ZmqTransport final : public Transport {
 public:
  std::span<const SchemeInfo> schemes() const override { return scheme_infos(); }

  void check(const Endpoint& endpoint, Direction) const override {
    check_ipc_path(parse_options(endpoint));
  }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions& open) override {
    return std::make_unique<ZmqSender>(endpoint, parse_options(endpoint), context(), open.log);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    return std::make_unique<ZmqReceiver>(endpoint, parse_options(endpoint), context(),
                                         open.take_at_most, core::notice_for(endpoint, open.log));
  }

 private:
  // Made on the first need: it starts threads. Each channel holds it, so it ends with the last of
  // them.
  std::shared_ptr<zmq::context_t> context() {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<zmq::context_t> context = context_.lock();
    if (!context) {
      context = std::make_shared<zmq::context_t>();
      context_ = context;
    }
    return context;
  }

  std::mutex mutex_;
  std::weak_ptr<zmq::context_t> context_;
};

}  // namespace
}  // namespace zeromq

namespace plugins {

std::unique_ptr<Transport> make_zmq_transport() { return std::make_unique<zeromq::ZmqTransport>(); }

}  // namespace plugins
}  // namespace fifomq
