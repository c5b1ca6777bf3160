// One fifomq.v1.Frame, to bytes and back, as proto/fifomq/v1/frame.proto has it. Written by hand
// because it is the hot path; tests hold it against the Protobuf runtime both ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fifomq/message.hpp>

namespace fifomq::core {

inline constexpr std::uint32_t kSync = 0xC5FEF0F1;
// Bounds on what stands beside the payload, so that all of it fits into a message's first fragment.
inline constexpr std::size_t kMaxTopicBytes = 1024;
inline constexpr std::size_t kMaxTypeBytes = 1024;
inline constexpr std::size_t kMaxUnknownBytes = 1024;
// A frame without its payload is never larger than this, one that says a field twice included: so
// its fields are read in bounded time.
inline constexpr std::size_t kMaxHeaderBytes =
    kMaxTopicBytes + kMaxTypeBytes + kMaxUnknownBytes + 128;
// A serialized frame begins with the sync field: a tag, then the sync bytes.
inline constexpr std::string_view kFrameBeginning = "\x0D\xF1\xF0\xFE\xC5";

// The views belong to whoever made the frame.
struct Frame {
  bool checked = false;  // read: it had a checksum, and the checksum was right
  std::uint64_t writer = 0;
  std::uint64_t sequence = 0;
  std::string_view topic{};
  std::string_view type{};
  std::uint64_t sent_unix_nanos = 0;
  std::uint32_t hops = 0;
  std::uint32_t stream = 0;
  std::uint64_t fragment_of = 0;
  std::uint64_t total_size = 0;
  std::uint64_t offset = 0;
  ByteView payload{};
  ByteView unknown_fields{};

  bool is_fragment() const { return fragment_of != 0; }
  bool is_cancel() const { return is_fragment() && payload.empty(); }
};

// The frame of a whole message. An origin it does not have stays absent.
Frame to_frame(const MessageView& message);
MessageView to_message(const Frame& frame);

// Why no frame can carry the message, whatever its size; null when one can.
const char* refusal(const MessageView& message);

// Size of the serialized frame, without a length in front.
std::size_t body_size(const Frame& frame);

// Serializes into body_size() bytes and returns their end: fields in order, unknown ones before the
// payload, which ends the frame; the checksum is computed.
std::byte* write_body(const Frame& frame, std::byte* out);

enum class ParseStatus {
  parsed,
  incomplete,   // nothing wrong so far
  invalid,      // no frame: structure, bounds, or UTF-8
  wrong_check,  // structure is right, checksum is not
};

// Parses a whole body. `unknown` takes up the unknown fields of a parsed frame, which then point
// into it.
ParseStatus parse_body(ByteView body, Frame& frame, std::string& unknown);

struct ParsedFields {
  ParseStatus status = ParseStatus::invalid;  // never wrong_check
  // Of an incomplete body: how many of its bytes must be here before more can be said.
  std::size_t needed = 0;
  // To be compared with the checksum of the body from kCheckedFrom on; none = unchecked.
  std::optional<std::uint32_t> check{};
};
// Sync and checksum, which the checksum does not cover.
inline constexpr std::size_t kCheckedFrom = 10;

// The same for a body that is `size` bytes long and of which the first ones are here; believes no
// length that does not fit, and leaves the checksum to the caller.
ParsedFields parse_fields(ByteView available, std::size_t size, Frame& frame, std::string& unknown);

}  // namespace fifomq::core
