// A shorter way through the codec for what nearly all frames are: whole messages, written by our
// own writer into one piece.
#pragma once

#include <cstddef>

#include <fifomq/message.hpp>

#include "core/frame.hpp"
#include "core/frame_tags.hpp"
#include "core/varint.hpp"

namespace fifomq::core {

// A body with a writer, a sequence number, and nothing else.
inline constexpr std::size_t kShortestPlainBody = kCheckedFrom + 1 + sizeof(std::uint64_t) + 2;

// The message of a frame's body. False when it has anything else in it, be it right or wrong. What
// it takes, parse_body() takes too, and reads the same in it. The views point into `body`.
bool read_plain_body(ByteView body, MessageView& message);

// The same for the delimited frame that `bytes` begin with, whose length is written in at most two
// bytes: the frame's size with the length in front of it, or 0.
std::size_t read_plain_frame(ByteView bytes, MessageView& message);

// How large the body is of a message that has a payload and at most hops beside it; 0 for any
// other.
inline std::size_t plain_body_size(const MessageView& message, const Origin& origin) {
  const bool plain = message.topic.empty() && message.type.empty() &&
                     message.sent_unix_nanos == 0 && message.unknown_fields.empty() &&
                     !message.payload.empty() && origin.writer != 0 && origin.sequence != 0;
  if (!plain) return 0;
  return kShortestPlainBody - 1 + varint_size(origin.sequence) +
         (message.hops == 0 ? 0 : 1 + varint_size(message.hops)) +
         bytes_field_size(message.payload.size());
}
// Writes it, and returns its end: the same bytes as write_body() makes.
std::byte* write_plain_body(const MessageView& message, const Origin& origin, std::byte* out);
// The same with its length in front; returns the size in all, or 0. There must be room for 66 bytes
// more than the payload.
std::size_t write_plain_frame(const MessageView& message, const Origin& origin, std::byte* out);

}  // namespace fifomq::core
