#include "reliable_header.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/frame_tags.hpp"
#include "core/varint.hpp"

namespace fifomq::zeromq {
namespace {

using core::TakeStatus;
using core::WireType;

constexpr std::byte kKindTag = core::tag(1, WireType::varint);
constexpr std::byte kStreamTag = core::tag(2, WireType::fixed64);
constexpr std::byte kSequenceTag = core::tag(3, WireType::fixed64);
constexpr unsigned kReasonField = 8;
constexpr std::size_t kMaxReasonBytes = 1024;

void add_number(std::string& out, unsigned field, std::uint64_t value) {
  if (value == 0) return;
  std::array<std::byte, 1 + core::kMaxVarintBytes> bytes;
  bytes[0] = core::tag(field, WireType::varint);
  const std::byte* const end = core::put_varint(bytes.data() + 1, value);
  out.append(as_text({bytes.data(), static_cast<std::size_t>(end - bytes.data())}));
}

void add_word(std::string& out, std::byte tag, std::uint64_t value) {
  if (value == 0) return;
  std::array<std::byte, 1 + sizeof value> bytes{tag};
  core::put_word(bytes.data() + 1, value);
  out.append(as_text(bytes));
}

struct Field {
  unsigned number = 0;
  std::uint64_t value = 0;
  ByteView bytes{};
};

bool take_value(ByteView& rest, WireType type, Field& field) {
  switch (type) {
    case WireType::varint:
      return core::take_varint(rest, field.value) == TakeStatus::taken;
    case WireType::fixed64:
      return core::take_word(rest, field.value) == TakeStatus::taken;
    case WireType::fixed32: {
      std::uint32_t word = 0;
      const bool taken = core::take_word(rest, word) == TakeStatus::taken;
      field.value = word;
      return taken;
    }
    case WireType::bytes: {
      std::uint64_t size = 0;
      if (core::take_varint(rest, size) != TakeStatus::taken || size > rest.size()) return false;
      field.bytes = rest.first(size);
      rest = rest.subspan(size);
      return true;
    }
  }
  return false;
}

bool take_field(ByteView& rest, Field& field) {
  std::uint64_t key = 0;
  if (core::take_varint(rest, key) != TakeStatus::taken ||
      key >> 3 > std::numeric_limits<unsigned>::max()) {
    return false;
  }
  field = {.number = static_cast<unsigned>(key >> 3)};
  return field.number != 0 && take_value(rest, static_cast<WireType>(key & 7), field);
}

void set(Header& header, const Field& field) {
  switch (field.number) {
    case 2:
      header.stream = field.value;
      break;
    case 3:
      header.sequence = field.value;
      break;
    case 4:
      header.epoch = field.value;
      break;
    case 5:
      header.next = field.value;
      break;
    case 6:
      header.credit = field.value;
      break;
    case 7:
      header.version = static_cast<std::uint32_t>(field.value);
      break;
    case kReasonField:
      header.reason = as_text(field.bytes.first(std::min(field.bytes.size(), kMaxReasonBytes)));
      break;
    default:
      break;
  }
}

}  // namespace

void write_data_header(std::uint64_t stream, std::uint64_t sequence, std::byte* out) {
  *out++ = kKindTag;
  *out++ = static_cast<std::byte>(Header::Kind::data);
  *out++ = kStreamTag;
  out = core::put_word(out, stream);
  *out++ = kSequenceTag;
  core::put_word(out, sequence);
}

void serialize(const Header& header, std::string& out) {
  out.clear();
  add_number(out, 1, static_cast<std::uint64_t>(header.kind));
  add_word(out, kStreamTag, header.stream);
  add_word(out, kSequenceTag, header.sequence);
  add_number(out, 4, header.epoch);
  add_number(out, 5, header.next);
  add_number(out, 6, header.credit);
  add_number(out, 7, header.version);
  if (header.reason.empty()) return;
  std::array<std::byte, 1 + core::kMaxVarintBytes> front{core::tag(kReasonField, WireType::bytes)};
  const std::byte* const end = core::put_varint(front.data() + 1, header.reason.size());
  out.append(as_text({front.data(), static_cast<std::size_t>(end - front.data())}));
  out += header.reason;
}

bool parse(ByteView bytes, Header& header) {
  constexpr auto kLast = static_cast<std::uint64_t>(Header::Kind::refused);
  Header read;
  std::uint64_t kind = 0;
  Field field;
  while (!bytes.empty()) {
    if (!take_field(bytes, field)) return false;
    if (field.number == 1) kind = field.value;
    set(read, field);
  }
  if (kind <= kLast) read.kind = static_cast<Header::Kind>(kind);
  header = std::move(read);
  return kind != 0 && header.stream != 0;
}

}  // namespace fifomq::zeromq
