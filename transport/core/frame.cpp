#include "core/frame.hpp"

#include <algorithm>
#include <limits>

#include "core/checksum.hpp"
#include "core/frame_tags.hpp"
#include "core/utf8.hpp"
#include "core/varint.hpp"

namespace fifomq::core {
namespace {

// Keys and lengths have 32 bits; the Protobuf runtime takes no longer varint for one.
constexpr std::size_t kMaxVarint32Bytes = 5;

constexpr std::size_t kWord32 = 1 + sizeof(std::uint32_t);
constexpr std::size_t kWord64 = 1 + sizeof(std::uint64_t);
static_assert(kCheckedFrom == 2 * kWord32);

// Protobuf leaves out a field that has its default value.
std::size_t varint_field_size(std::uint64_t value) {
  return value == 0 ? 0 : 1 + varint_size(value);
}

template <typename Word>
std::byte* put_word_field(std::byte* out, std::byte field, Word value) {
  if (value == 0) return out;
  *out++ = field;
  return put_word(out, value);
}

std::byte* put_varint_field(std::byte* out, std::byte field, std::uint64_t value) {
  if (value == 0) return out;
  *out++ = field;
  return put_varint(out, value);
}

std::byte* put_raw(std::byte* out, ByteView bytes) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

std::byte* put_bytes_field(std::byte* out, std::byte field, ByteView bytes) {
  if (bytes.empty()) return out;
  *out++ = field;
  return put_raw(put_varint(out, bytes.size()), bytes);
}

// Reads the fields of one body, front to back.
class Parser {
 public:
  Parser(ByteView available, std::size_t size, Frame& frame, std::string& unknown)
      : whole_(available),
        rest_(available),
        missing_(size - available.size()),
        frame_(frame),
        unknown_(unknown) {}

  ParsedFields parse() {
    const ParseStatus status = fields();
    return {.status = status,
            .needed = std::max(needed_, whole_.size() + 1),
            .check = has_check_ ? std::optional(check_) : std::nullopt};
  }

 private:
  ParseStatus fields() {
    if (const auto status = sync(); status != TakeStatus::taken) return to_status(status);
    if (const auto status = checksum(); status != TakeStatus::taken) return to_status(status);
    while (!rest_.empty()) {
      if (const auto status = field(); status != TakeStatus::taken) return to_status(status);
      if (taken() - frame_.payload.size() > kMaxHeaderBytes) return ParseStatus::invalid;
    }
    if (missing_ > 0) return ParseStatus::incomplete;
    if (!consistent()) return ParseStatus::invalid;
    frame_.unknown_fields = as_byte_view(unknown_);
    return ParseStatus::parsed;
  }

  std::size_t taken() const { return whole_.size() - rest_.size(); }

  // A field that ends behind what is here is incomplete only if it ends within the body.
  ParseStatus to_status(TakeStatus status) const {
    if (status == TakeStatus::invalid || missing_ == 0) return ParseStatus::invalid;
    return ParseStatus::incomplete;
  }

  TakeStatus sync() {
    const std::size_t visible = std::min(rest_.size(), kFrameBeginning.size());
    if (as_text(rest_.first(visible)) != kFrameBeginning.substr(0, visible))
      return TakeStatus::invalid;
    if (visible < kFrameBeginning.size()) return TakeStatus::incomplete;
    rest_ = rest_.subspan(kFrameBeginning.size());
    return TakeStatus::taken;
  }

  TakeStatus checksum() {
    if (rest_.empty()) return missing_ == 0 ? TakeStatus::taken : TakeStatus::incomplete;
    if (rest_.front() != kCheckTag) return TakeStatus::taken;
    rest_ = rest_.subspan(1);
    has_check_ = true;
    return take_word(rest_, check_);
  }

  TakeStatus field() {
    const ByteView start = rest_;
    std::uint64_t key = 0;
    if (const auto status = take_varint(rest_, key, kMaxVarint32Bytes);
        status != TakeStatus::taken) {
      return status;
    }
    if (key >> 32 != 0 || key >> 3 == 0) return TakeStatus::invalid;
    if (key > 0x7F) return unknown_field(start, static_cast<WireType>(key & 7));
    switch (static_cast<std::byte>(key)) {
      case kWriterTag:
        return take_word(rest_, frame_.writer);
      case kSequenceTag:
        return take_varint(rest_, frame_.sequence);
      case kTopicTag:
        return string_field(frame_.topic, kMaxTopicBytes);
      case kTypeTag:
        return string_field(frame_.type, kMaxTypeBytes);
      case kSentTag:
        return take_word(rest_, frame_.sent_unix_nanos);
      case kHopsTag:
        return hops_field();
      case kStreamTag:
        return take_word(rest_, frame_.stream);
      case kFragmentOfTag:
        return take_varint(rest_, frame_.fragment_of);
      case kTotalSizeTag:
        return take_varint(rest_, frame_.total_size);
      case kOffsetTag:
        return take_varint(rest_, frame_.offset);
      case kPayloadTag:
        return bytes_field(frame_.payload, kAnySize);
      default:
        return known_number(key >> 3) ? TakeStatus::invalid
                                      : unknown_field(start, static_cast<WireType>(key & 7));
    }
  }

  // A field of ours with another wire type, or a second sync or checksum, is damage.
  static bool known_number(std::uint64_t number) { return number <= 12 || number == 15; }

  TakeStatus hops_field() {
    std::uint64_t value = 0;
    const auto status = take_varint(rest_, value);
    frame_.hops = static_cast<std::uint32_t>(value);
    return status;
  }

  // The length is checked before anything else: it may be a lie.
  TakeStatus bytes_field(ByteView& bytes, std::size_t most) {
    std::uint64_t size = 0;
    if (const auto status = take_varint(rest_, size, kMaxVarint32Bytes);
        status != TakeStatus::taken) {
      return status;
    }
    if (size > most || size > rest_.size() + missing_) return TakeStatus::invalid;
    if (size > rest_.size()) {
      needed_ = taken() + size;
      return TakeStatus::incomplete;
    }
    bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return TakeStatus::taken;
  }

  TakeStatus string_field(std::string_view& text, std::size_t most) {
    ByteView bytes;
    const auto status = bytes_field(bytes, most);
    text = as_text(bytes);
    if (status == TakeStatus::taken && !is_utf8(text)) return TakeStatus::invalid;
    return status;
  }

  TakeStatus unknown_field(ByteView start, WireType type) {
    ByteView bytes;
    std::uint64_t word64 = 0;
    std::uint32_t word32 = 0;
    const auto status = type == WireType::varint    ? take_varint(rest_, word64)
                        : type == WireType::fixed64 ? take_word(rest_, word64)
                        : type == WireType::fixed32 ? take_word(rest_, word32)
                        : type == WireType::bytes   ? bytes_field(bytes, kMaxUnknownBytes)
                                                    : TakeStatus::invalid;
    if (status != TakeStatus::taken) return status;
    const std::string_view field = as_text(start.first(start.size() - rest_.size()));
    if (unknown_.size() + field.size() > kMaxUnknownBytes) return TakeStatus::invalid;
    unknown_ += field;
    return TakeStatus::taken;
  }

  bool consistent() const {
    if (!frame_.is_fragment())
      return frame_.stream == 0 && frame_.total_size == 0 && frame_.offset == 0;
    return frame_.stream != 0 && frame_.offset <= frame_.total_size &&
           frame_.payload.size() <= frame_.total_size - frame_.offset && frame_.total_size > 0;
  }

  static constexpr std::size_t kAnySize = std::numeric_limits<std::size_t>::max();

  ByteView whole_;
  ByteView rest_;
  std::size_t missing_;
  std::size_t needed_ = 0;
  Frame& frame_;
  std::string& unknown_;
  bool has_check_ = false;
  std::uint32_t check_ = 0;
};

}  // namespace

Frame to_frame(const MessageView& message) {
  const Origin origin = message.origin.value_or(Origin{});
  return {.writer = origin.writer,
          .sequence = origin.sequence,
          .topic = message.topic,
          .type = message.type,
          .sent_unix_nanos = message.sent_unix_nanos,
          .hops = message.hops,
          .payload = message.payload,
          .unknown_fields = message.unknown_fields};
}

MessageView to_message(const Frame& frame) {
  return {.payload = frame.payload,
          .topic = frame.topic,
          .type = frame.type,
          .origin = Origin{.writer = frame.writer, .sequence = frame.sequence},
          .sent_unix_nanos = frame.sent_unix_nanos,
          .hops = frame.hops,
          .unknown_fields = frame.unknown_fields};
}

const char* refusal(const MessageView& message) {
  if (message.topic.empty() && message.type.empty() && message.unknown_fields.empty()) {
    return nullptr;
  }
  if (message.topic.size() > kMaxTopicBytes) return "its topic is longer than 1 KiB";
  if (message.type.size() > kMaxTypeBytes) return "its type name is longer than 1 KiB";
  if (message.unknown_fields.size() > kMaxUnknownBytes) {
    return "its fields of a later version are longer than 1 KiB";
  }
  if (!is_utf8(message.topic)) return "its topic is not UTF-8";
  if (!is_utf8(message.type)) return "its type name is not UTF-8";
  return nullptr;
}

std::size_t body_size(const Frame& frame) {
  return kCheckedFrom + (frame.writer == 0 ? 0 : kWord64) + varint_field_size(frame.sequence) +
         bytes_field_size(frame.topic.size()) + bytes_field_size(frame.type.size()) +
         (frame.sent_unix_nanos == 0 ? 0 : kWord64) + varint_field_size(frame.hops) +
         (frame.stream == 0 ? 0 : kWord32) + varint_field_size(frame.fragment_of) +
         varint_field_size(frame.total_size) + varint_field_size(frame.offset) +
         frame.unknown_fields.size() + bytes_field_size(frame.payload.size());
}

std::byte* write_body(const Frame& frame, std::byte* out) {
  std::byte* at = out;
  *at++ = kSyncTag;
  at = put_word(at, kSync);
  *at++ = kCheckTag;
  std::byte* const check = at;
  at += sizeof(std::uint32_t);
  at = put_word_field(at, kWriterTag, frame.writer);
  at = put_varint_field(at, kSequenceTag, frame.sequence);
  at = put_bytes_field(at, kTopicTag, as_byte_view(frame.topic));
  at = put_bytes_field(at, kTypeTag, as_byte_view(frame.type));
  at = put_word_field(at, kSentTag, frame.sent_unix_nanos);
  at = put_varint_field(at, kHopsTag, frame.hops);
  at = put_word_field(at, kStreamTag, frame.stream);
  at = put_varint_field(at, kFragmentOfTag, frame.fragment_of);
  at = put_varint_field(at, kTotalSizeTag, frame.total_size);
  at = put_varint_field(at, kOffsetTag, frame.offset);
  at = put_raw(at, frame.unknown_fields);
  at = put_bytes_field(at, kPayloadTag, frame.payload);
  put_word(check, crc32c({out + kCheckedFrom, at}));
  return at;
}

ParsedFields parse_fields(ByteView available, std::size_t size, Frame& frame,
                          std::string& unknown) {
  frame = {};
  unknown.clear();
  return Parser(available, size, frame, unknown).parse();
}

ParseStatus parse_body(ByteView body, Frame& frame, std::string& unknown) {
  const auto [status, needed, check] = parse_fields(body, body.size(), frame, unknown);
  if (status != ParseStatus::parsed) return status;
  if (check && *check != crc32c(body.subspan(kCheckedFrom))) return ParseStatus::wrong_check;
  frame.checked = check.has_value();
  return ParseStatus::parsed;
}

}  // namespace fifomq::core
