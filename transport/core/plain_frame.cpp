#include "core/plain_frame.hpp"

#include <algorithm>
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

#if defined(__x86_64__)
// Puts bytes and takes their checksum from the registers they come from: reading them back right
// after, at other widths than they were written, would wait for the stores.
class CheckedBytes {
 public:
  explicit CheckedBytes(std::byte* at) : at_(at) {}

  std::byte* end() const { return at_; }
  std::uint32_t check() const { return crc_finish(static_cast<std::uint32_t>(state_)); }

  [[gnu::always_inline, gnu::target("sse4.2")]] void put(std::byte byte) {
    *at_++ = byte;
    state_ = __builtin_ia32_crc32qi(static_cast<std::uint32_t>(state_),
                                    static_cast<unsigned char>(byte));
  }
  [[gnu::always_inline, gnu::target("sse4.2")]] void put(std::uint16_t word) {
    at_ = put_word(at_, word);
    state_ = __builtin_ia32_crc32hi(static_cast<std::uint32_t>(state_), word);
  }
  [[gnu::always_inline, gnu::target("sse4.2")]] void put(std::uint32_t word) {
    at_ = put_word(at_, word);
    state_ = __builtin_ia32_crc32si(static_cast<std::uint32_t>(state_), word);
  }
  [[gnu::always_inline, gnu::target("sse4.2")]] void put(std::uint64_t word) {
    at_ = put_word(at_, word);
    state_ = __builtin_ia32_crc32di(state_, word);
  }
  [[gnu::always_inline, gnu::target("sse4.2")]] void put_number(std::byte tag,
                                                                std::uint64_t value) {
    constexpr std::uint64_t kMore = 0x80;
    const auto first = static_cast<std::uint64_t>(tag);
    if (value < kMore) return put(static_cast<std::uint16_t>(value << 8 | first));
    put(static_cast<std::uint16_t>((value | kMore) << 8 | first));
    for (value >>= 7; value >= kMore; value >>= 7) put(static_cast<std::byte>(value | kMore));
    put(static_cast<std::byte>(value));
  }
  [[gnu::always_inline, gnu::target("sse4.2")]] void put_bytes(ByteView bytes) {
    if (bytes.size() >= kShortChecksumBytes) {
      at_ = std::copy(bytes.begin(), bytes.end(), at_);
      state_ = crc_extend(static_cast<std::uint32_t>(state_), bytes);
      return;
    }
    const std::byte* from = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
      put(load<std::uint64_t>(from));
      from += sizeof(std::uint64_t);
    }
    if ((left & sizeof(std::uint32_t)) != 0) {
      put(load<std::uint32_t>(from));
      from += sizeof(std::uint32_t);
    }
    if ((left & sizeof(std::uint16_t)) != 0) {
      put(load<std::uint16_t>(from));
      from += sizeof(std::uint16_t);
    }
    if ((left & 1) != 0) put(*from);
  }

 private:
  std::byte* at_;
  std::uint64_t state_ = kCrcStart;
};

[[gnu::target("sse4.2")]] std::byte* write_with_instruction(const MessageView& message,
                                                            const Origin& origin, std::byte* out) {
  put_word(out, kBeginning);
  CheckedBytes bytes(out + kCheckedFrom);
  bytes.put(kWriterTag);
  bytes.put(origin.writer);
  bytes.put_number(kSequenceTag, origin.sequence);
  if (message.hops != 0) bytes.put_number(kHopsTag, message.hops);
  bytes.put_number(kPayloadTag, message.payload.size());
  bytes.put_bytes(message.payload);
  put_word(out + kCheckedFrom - sizeof(std::uint32_t), bytes.check());
  return bytes.end();
}
#endif

}  // namespace

std::byte* write_plain_body(const MessageView& message, const Origin& origin, std::byte* out) {
#if defined(__x86_64__)
  if (kHasCrcInstruction) return write_with_instruction(message, origin, out);
#endif
  MessageView stamped = message;
  stamped.origin = origin;
  return write_body(to_frame(stamped), out);
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
      origin.writer == 0) {
    return false;
  }
  const bool has_more = !rest.empty() && rest[0] != kPayloadTag;
  if (has_more &&
      !(take_text(rest, kTopicTag, kMaxTopicBytes, message.topic) &&
        take_text(rest, kTypeTag, kMaxTypeBytes, message.type) && take_hops(rest, message.hops))) {
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
