#include "core/framing.hpp"

#include "core/frame_decoder.hpp"
#include "core/frame_encoder.hpp"
#include "core/say.hpp"

namespace fifomq::core {

Framing framing_option(const OptionReader& options, Framing fallback) {
  return options.choice<Framing>("framing", fallback,
                                 {{"frame", Framing::frame},
                                  {"varint", Framing::varint},
                                  {"u16be", Framing::u16be},
                                  {"u32be", Framing::u32be},
                                  {"u32le", Framing::u32le},
                                  {"line", Framing::line},
                                  {"byte", Framing::byte}});
}

DecoderLimits limit_options(const OptionReader& options) {
  DecoderLimits limits;
  limits.max_message = options.size_bytes("max_message", limits.max_message);
  limits.reassembly_memory = options.size_bytes("reassembly_memory", limits.reassembly_memory);
  limits.frame_timeout = options.duration("frame_timeout", limits.frame_timeout);
  constexpr std::uint64_t kMostMessage = std::uint64_t{1} << 31;  // what Protobuf can hold
  if (limits.max_message > kMostMessage) {
    options.refuse("max_message", *options.text("max_message"), "at most 2GiB");
  }
  return limits;
}

std::unique_ptr<Decoder> make_decoder(Framing framing, const DecoderLimits& limits,
                                      std::string topic, Notice notice) {
  switch (framing) {
    case Framing::frame:
      return std::make_unique<FrameDecoder>(limits, std::move(notice));
    case Framing::line:
      return std::make_unique<LineDecoder>(limits, std::move(topic));
    case Framing::byte:
      return std::make_unique<ByteDecoder>(limits, std::move(topic));
    default:
      return std::make_unique<LengthDecoder>(framing, limits, std::move(topic));
  }
}

std::function<std::unique_ptr<Decoder>()> decoder_maker(Framing framing,
                                                        const DecoderLimits& limits,
                                                        std::string topic, Notice notice) {
  return [framing, limits, topic = std::move(topic), notice = std::move(notice)] {
    return make_decoder(framing, limits, topic, notice);
  };
}

std::unique_ptr<Encoder> make_encoder(Framing framing) {
  if (framing == Framing::frame) return std::make_unique<FrameEncoder>();
  return std::make_unique<ForeignEncoder>(framing);
}

Notice notice_for(const Endpoint& endpoint, const LogSink& log) {
  if (!log) return {};
  return [text = endpoint.text(), log](std::string_view sentence) {
    say(log, LogLevel::warning, {text, ": ", sentence});
  };
}

}  // namespace fifomq::core
