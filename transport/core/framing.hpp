// Which framing an endpoint asks for, and the codec that goes with it: shared by every transport
// that carries a byte stream.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/decoder.hpp"
#include "core/encoder.hpp"
#include "core/foreign_framing.hpp"
#include "core/option_reader.hpp"

namespace fifomq::core {

Framing framing_option(const OptionReader& options, Framing fallback);
DecoderLimits limit_options(const OptionReader& options);

// `topic` goes with messages of foreign framings, which have none of their own.
std::unique_ptr<Decoder> make_decoder(Framing framing, const DecoderLimits& limits,
                                      std::string topic, Notice notice);
// What makes such decoders, again and again.
std::function<std::unique_ptr<Decoder>()> decoder_maker(Framing framing,
                                                        const DecoderLimits& limits,
                                                        std::string topic, Notice notice);
std::unique_ptr<Encoder> make_encoder(Framing framing);

// Sends a decoder's notices to the user's log, with the endpoint in front; nothing without a log.
Notice notice_for(const Endpoint& endpoint, const LogSink& log);

// The option rows that go with the functions above.
inline constexpr std::string_view kFramings = "frame|varint|u16be|u32be|u32le|line|byte";
inline constexpr OptionInfo kMaxMessageOption = {"max_message", "SIZE", "64MiB",
                                                 "largest payload that is sent or taken in"};
inline constexpr OptionInfo kReassemblyMemoryOption = {
    "reassembly_memory", "SIZE", "128MiB", "bound on all half-assembled messages together"};
inline constexpr OptionInfo kFrameTimeoutOption = {
    "frame_timeout", "DURATION", "5s",
    "how long the source may stand empty before half a message is given up"};
inline constexpr OptionInfo kTopicOption = {"topic", "TEXT", "",
                                            "topic of messages whose framing carries none"};

}  // namespace fifomq::core
