// `zmq+TYPE:ADDRESS`: ZeroMQ sockets.
#include <mutex>
#include <utility>

#include <fifomq/transport.hpp>

#include "reliable_receiver.hpp"
#include "reliable_sender.hpp"
#include "zmq_commands.hpp"
#include "zmq_receiver.hpp"
#include "zmq_sender.hpp"

namespace fifomq {
namespace zeromq {
namespace {

class ZmqTransport final : public Transport {
 public:
  std::span<const SchemeInfo> schemes() const override { return scheme_infos(); }

  std::span<const CommandInfo> commands() const override { return command_infos(); }

  void check(const Endpoint& endpoint, Direction) const override {
    const ZmqOptions options = parse_options(endpoint);
    check_ipc_path(options);
    read_keys(options.security, options.endpoint);
  }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions& open) override {
    ZmqOptions options = parse_options(endpoint);
    if (options.type == SocketType::reliable) {
      return std::make_unique<ReliableSender>(endpoint, std::move(options), context(), open.log);
    }
    return std::make_unique<ZmqSender>(endpoint, std::move(options), context(), open.log);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    const ZmqOptions options = parse_options(endpoint);
    if (options.type == SocketType::reliable) {
      return std::make_unique<ReliableReceiver>(endpoint, options, context(), open);
    }
    return std::make_unique<ZmqReceiver>(endpoint, options, context(), open);
  }

 private:
  // Made on the first need: it starts threads. Each channel holds it, so it ends with the last of
  // them.
  std::shared_ptr<Context> context() {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Context> context = context_.lock();
    if (!context) {
      context = std::make_shared<Context>();
      context_ = context;
    }
    return context;
  }

  std::mutex mutex_;
  std::weak_ptr<Context> context_;
};

}  // namespace
}  // namespace zeromq

namespace plugins {

std::unique_ptr<Transport> make_zmq_transport() { return std::make_unique<zeromq::ZmqTransport>(); }

}  // namespace plugins
}  // namespace fifomq
