// `-`: standard input as a receiver, standard output as a sender.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

#include "core/framing.hpp"
#include "core/option_reader.hpp"
#include "core/stream_receiver.hpp"
#include "core/stream_sender.hpp"
#include "record_encoder.hpp"

namespace fifomq {
namespace stdio {
namespace {

constexpr auto kOptions = std::to_array<OptionInfo>({
    {"framing", core::kFramings, "line in, none out", "how messages stand in the byte stream"},
    {"format", "text|json|hex|raw", "text", "out: how a message is printed; not with framing="},
    core::kTopicOption,
    core::kFrameTimeoutOption,
    core::kMaxMessageOption,
    core::kReassemblyMemoryOption,
});

constexpr Capabilities kSender{.back_pressure = true};
constexpr Capabilities kReceiver{.back_pressure = true};

// Standard streams are shared with other processes, so they are never made non-blocking; each call
// is preceded by a look at whether it would block.
bool is_ready(int fd, short events) {
  pollfd state{.fd = fd, .events = events, .revents = 0};
  return ::poll(&state, 1, 0) > 0;
}

class StdinSource final : public core::ByteSource {
 public:
  void attach(core::Readiness& readiness) override { readiness.watch(STDIN_FILENO, EPOLLIN); }

  core::IoResult read(std::span<std::byte> into) override {
    if (!is_ready(STDIN_FILENO, POLLIN)) return {core::IoStatus::would_block};
    return core::read_some(STDIN_FILENO, into);
  }
};

class StdoutSink final : public core::ByteSink {
 public:
  void attach(core::Readiness& readiness) override { readiness.watch(STDOUT_FILENO, EPOLLOUT); }

  // A pipe that has room at all has room for PIPE_BUF bytes, so this does not block.
  core::IoResult write(ByteView bytes) override {
    if (!is_ready(STDOUT_FILENO, POLLOUT)) return {core::IoStatus::would_block};
    const core::IoResult result = core::write_some(STDOUT_FILENO, bytes);
    // Nobody can come back to read an output that its reader has left.
    if (result.status != core::IoStatus::no_peer) return result;
    return {.status = core::IoStatus::failed, .error = EPIPE};
  }
};

// What an endpoint says.
struct Options {
  std::optional<core::Framing> framing;
  std::optional<Format> format;
  core::DecoderLimits limits;
  std::string topic;
};

Options parse_options(const Endpoint& endpoint, Direction direction) {
  const core::OptionReader reader(endpoint, kOptions);
  if (!endpoint.address().empty()) {
    throw Error(Errc::invalid_endpoint, endpoint.text(), "nothing but options may follow the dash");
  }
  Options options;
  if (reader.text("framing")) options.framing = core::framing_option(reader, core::Framing::line);
  if (const auto format = reader.text("format")) {
    if (direction == Direction::receive) {
      reader.refuse("format", *format, "nothing here: it is for output");
    }
    if (options.framing) reader.refuse("format", *format, "nothing beside framing=");
    options.format = reader.choice<Format>("format", Format::text,
                                           {{"text", Format::text},
                                            {"json", Format::json},
                                            {"hex", Format::hex},
                                            {"raw", Format::raw}});
  }
  options.limits = core::limit_options(reader);
  options.topic = reader.text("topic").value_or("");
  return options;
}

Capabilities with_framing(Capabilities capabilities, const std::optional<core::Framing>& framing) {
  capabilities.carries_origin = capabilities.sequenced = framing == core::Framing::frame;
  return capabilities;
}

class StdioTransport final : public Transport {
 public:
  StdioTransport()
      : schemes_{SchemeInfo{.name = "-",
                            .form = "-",
                            .summary = "standard input or output",
                            .sender = kSender,
                            .receiver = kReceiver,
                            .options = kOptions}} {}

  std::span<const SchemeInfo> schemes() const override { return schemes_; }

  void check(const Endpoint& endpoint, Direction direction) const override {
    parse_options(endpoint, direction);
  }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions& open) override {
    const Options options = parse_options(endpoint, Direction::send);
    std::unique_ptr<core::Encoder> encoder;
    if (options.framing) {
      encoder = core::make_encoder(*options.framing);
    } else {
      encoder =
          std::make_unique<RecordEncoder>(options.format.value_or(Format::text), open.show_payload);
    }
    return std::make_unique<core::StreamSender>(endpoint, with_framing(kSender, options.framing),
                                                std::make_unique<StdoutSink>(), std::move(encoder),
                                                options.limits.max_message);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    const Options options = parse_options(endpoint, Direction::receive);
    return std::make_unique<core::StreamReceiver>(
        endpoint, with_framing(kReceiver, options.framing), std::make_unique<StdinSource>(),
        core::decoder_maker(options.framing.value_or(core::Framing::line), options.limits,
                            options.topic, core::notice_for(endpoint, open.log)),
        open.take_at_most);
  }

 private:
  const std::array<SchemeInfo, 1> schemes_;
};

}  // namespace
}  // namespace stdio

namespace plugins {

std::unique_ptr<Transport> make_stdio_transport() {
  return std::make_unique<stdio::StdioTransport>();
}

}  // namespace plugins
}  // namespace fifomq
