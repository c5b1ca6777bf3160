#include "core/plain_frame.hpp"

#include <cstring>
#include <limits>

#include "core/checksum.hpp"
#include "core/utf8.hpp"
#include "core/varint.hpp"

namespace fifomq::core {
namespace {

// Sync field and the checksum's tag, as one word of six bytes.
constexpr std::uint64_t kBeginning = 0x15'C5FE'F0F1'0D;
constexpr std::uint64_t kBeginningMask = (std::uint64_t{1} << 48) - 1;

constexpr std::size_t kMostVarint32Bytes = 5;

template <typename Word>
Word load(const std::byte* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

bool take_tag(ByteView& rest, std::byte tag) {
  if (rest.empty() || rest[0] != tag) return false;
  rest = rest.subspan(1);
  return true;
}

bool take_bytes(ByteView& rest, ByteView& bytes) {
  std::uint64_t size = 0;
  if (take_varint(rest, size, kMostVarint32Bytes) != TakeStatus::taken || size > rest.size()) {
    return false;
  }
  bytes = rest.first(size);
  rest = rest.subspan(size);
  return true;
}

bool take_text(ByteView& rest, std::byte tag, std::size_t most, std::string_view& text) {
  text = {};
  if (!take_tag(rest, tag)) return true;
  ByteView bytes;
  if (!take_bytes(rest, bytes) || bytes.size() > most) return false;
  text = as_text(bytes);
  return is_utf8(text);
}

bool take_hops(ByteView& rest, std::uint32_t& hops) {
  if (!take_tag(rest, kHopsTag)) return true;
  std::uint64_t value = 0;
  if (take_varint(rest, value, kMostVarint32Bytes) != TakeStatus::taken ||
      value > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  hops = static_cast<std::uint32_t>(value);
  return true;
}

}  // namespace

std::byte* write_plain_body(const MessageView& message, const Origin& origin, std::byte* out) {
  // Two bytes more than it has; they are overwritten at once.
  std::byte* at = put_word(out, kBeginning) - 2;
  std::byte* const check = at;
  at += sizeof(std::uint32_t);
  *at++ = kWriterTag;
  at = put_word(at, origin.writer);
  *at++ = kSequenceTag;
  at = put_varint(at, origin.sequence);
  if (message.hops != 0) {
    *at++ = kHopsTag;
    at = put_varint(at, message.hops);
  }
  *at++ = kPayloadTag;
  at = put_varint(at, message.payload.size());
  std::memcpy(at, message.payload.data(), message.payload.size());
  at += message.payload.size();
  put_word(check, crc32c({out + kCheckedFrom, at}));
  return at;
}

std::size_t write_plain_frame(const MessageView& message, const Origin& origin, std::byte* out) {
  const std::size_t size = plain_body_size(message, origin);
  if (size == 0) return 0;
  return static_cast<std::size_t>(write_plain_body(message, origin, put_varint(out, size)) - out);
}

bool read_plain_body(ByteView body, MessageView& message) {
  if (body.size() < kShortestPlainBody ||
      (load<std::uint64_t>(body.data()) & kBeginningMask) != kBeginning ||
      body[kCheckedFrom] != kWriterTag) {
    return false;
  }
  Origin origin{.writer = load<std::uint64_t>(body.data() + kCheckedFrom + 1)};
  ByteView rest = body.subspan(kCheckedFrom + 1 + sizeof origin.writer);
  message = {};
  if (!take_tag(rest, kSequenceTag) || take_varint(rest, origin.sequence) != TakeStatus::taken ||
      origin.writer == 0 || !take_text(rest, kTopicTag, kMaxTopicBytes, message.topic) ||
      !take_text(rest, kTypeTag, kMaxTypeBytes, message.type) || !take_hops(rest, message.hops)) {
    return false;
  }
  if (!rest.empty() &&
      (!take_tag(rest, kPayloadTag) || !take_bytes(rest, message.payload) || !rest.empty())) {
    return false;
  }
  const auto check = load<std::uint32_t>(body.data() + kCheckedFrom - sizeof(std::uint32_t));
  if (check != crc32c(body.subspan(kCheckedFrom))) return false;
  message.origin = origin;
  return true;
}

std::size_t read_plain_frame(ByteView bytes, MessageView& message) {
  constexpr std::size_t kMostLengthBytes = 2;
  ByteView body = bytes;
  std::uint64_t size = 0;
  if (take_varint(body, size, kMostLengthBytes) != TakeStatus::taken || size > body.size()) {
    return 0;
  }
  const std::size_t length_bytes = bytes.size() - body.size();
  if (length_bytes != varint_size(size) || !read_plain_body(body.first(size), message)) return 0;
  return length_bytes + size;
}

}  // namespace fifomq::core
