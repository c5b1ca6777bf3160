// `fifo:PATH`: named pipes.
#include <array>

#include <fifomq/transport.hpp>

#include "fifo_commands.hpp"
#include "fifo_options.hpp"
#include "fifo_path.hpp"
#include "fifo_sink.hpp"
#include "fifo_source.hpp"

namespace fifomq {
namespace fifo {
namespace {

constexpr Capabilities kSender{.carries_origin = true,
                               .sequenced = true,
                               .back_pressure = true,
                               .sees_peer = true,
                               .waits_for_peer = true,
                               .fork_safe = true};
constexpr Capabilities kReceiver{.carries_origin = true,
                                 .sequenced = true,
                                 .back_pressure = true,
                                 .waits_for_peer = true,
                                 .explicit_commit = true};

// Foreign framings carry payloads only.
Capabilities with_framing(Capabilities capabilities, core::Framing framing) {
  capabilities.carries_origin = capabilities.sequenced = framing == core::Framing::frame;
  return capabilities;
}

// A message of a foreign framing cannot be told from another one that comes again, and where the
// last writer's leaving is the end, what was not committed would be gone with it.
bool can_commit(const FifoOptions& options) {
  return options.framing == core::Framing::frame && !options.end_with_writers;
}

class FifoTransport final : public Transport {
 public:
  FifoTransport()
      : schemes_{SchemeInfo{.name = "fifo",
                            .form = "fifo:PATH",
                            .summary = "named pipe; any number of writers, one reader",
                            .sender = kSender,
                            .receiver = kReceiver,
                            .options = option_infos()}} {}

  std::span<const SchemeInfo> schemes() const override { return schemes_; }
  std::span<const CommandInfo> commands() const override { return command_infos(); }

  void check(const Endpoint& endpoint, Direction) const override {
    check_path(parse_options(endpoint));
  }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions& open) override {
    const FifoOptions options = parse_options(endpoint);
    return std::make_unique<core::StreamSender>(endpoint, with_framing(kSender, options.framing),
                                                std::make_unique<FifoSink>(options, open.log),
                                                core::make_encoder(options.framing),
                                                options.limits.max_message, options.coalesce);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    const FifoOptions options = parse_options(endpoint);
    const bool keeps = open.explicit_commit && can_commit(options);
    auto source = std::make_unique<FifoSource>(options, open.log, keeps);
    Capabilities capabilities = with_framing(kReceiver, options.framing);
    capabilities.explicit_commit = source->keeps();
    auto receiver = std::make_unique<core::StreamReceiver>(
        endpoint, capabilities, std::move(source),
        core::decoder_maker(options.framing, options.limits, options.topic,
                            core::notice_for(endpoint, open.log)),
        open.take_at_most, options.busy_poll);
    if (capabilities.explicit_commit && !open.half_done_file.empty()) {
      receiver->keep_half_done_in(open.half_done_file);
    }
    return receiver;
  }

 private:
  const std::array<SchemeInfo, 1> schemes_;
};

}  // namespace
}  // namespace fifo

namespace plugins {

std::unique_ptr<Transport> make_fifo_transport() { return std::make_unique<fifo::FifoTransport>(); }

}  // namespace plugins
}  // namespace fifomq
