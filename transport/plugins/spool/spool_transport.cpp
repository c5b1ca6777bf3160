// `spool:DIR`: a durable queue on the disk.
#include <array>

#include <fifomq/transport.hpp>

#include "spool_command.hpp"
#include "spool_folder.hpp"
#include "spool_options.hpp"
#include "spool_receiver.hpp"
#include "spool_sender.hpp"

namespace fifomq {
namespace spool {
namespace {

constexpr OptionInfo kBetween{
    .key = "spool",
    .values = "DIR",
    .fallback = "",
    .meaning = "keep what waits for TO in this folder, so that FROM need not hold it"};

class SpoolTransport final : public Transport {
 public:
  SpoolTransport()
      : schemes_{SchemeInfo{.name = "spool",
                            .form = "spool:DIR",
                            .summary = "durable queue on the disk; one sender, one receiver",
                            .sender = kSenderCapabilities,
                            .receiver = kReceiverCapabilities,
                            .options = option_infos(),
                            .between = kBetween}} {}

  std::span<const SchemeInfo> schemes() const override { return schemes_; }
  std::span<const CommandInfo> commands() const override { return command_infos(); }

  void check(const Endpoint& endpoint, Direction) const override {
    check_folder(parse_options(endpoint));
  }

  Capabilities capabilities(const Endpoint& endpoint, Direction direction) const override {
    return as_synced(direction == Direction::send ? kSenderCapabilities : kReceiverCapabilities,
                     parse_options(endpoint));
  }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions& open) override {
    return std::make_unique<SpoolSender>(endpoint, parse_options(endpoint), open.log);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    return std::make_unique<SpoolReceiver>(endpoint, parse_options(endpoint), open);
  }

 private:
  const std::array<SchemeInfo, 1> schemes_;
};

}  // namespace
}  // namespace spool

namespace plugins {

std::unique_ptr<Transport> make_spool_transport() {
  return std::make_unique<spool::SpoolTransport>();
}

}  // namespace plugins
}  // namespace fifomq
