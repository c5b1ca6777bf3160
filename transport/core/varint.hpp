// Base-128 varints and little-endian words, as in
// https://protobuf.dev/programming-guides/encoding/.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <fifomq/message.hpp>

namespace fifomq::core {

static_assert(std::endian::native == std::endian::little,
              "the wire is little-endian, and so must we be");

inline constexpr std::size_t kMaxVarintBytes = 10;

constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline std::byte* put_varint(std::byte* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::byte>(value);
  return out;
}

template <typename Word>
std::byte* put_word(std::byte* out, Word value) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

enum class TakeStatus { taken, incomplete, invalid };

// Takes a varint off the front of `bytes`. Invalid when it is longer than `most_bytes` or holds
// more than 64 bits.
inline TakeStatus take_varint(ByteView& bytes, std::uint64_t& value,
                              std::size_t most_bytes = kMaxVarintBytes) {
  if (!bytes.empty() && bytes[0] < std::byte{0x80}) {
    value = static_cast<std::uint64_t>(bytes[0]);
    bytes = bytes.subspan(1);
    return TakeStatus::taken;
  }
  value = 0;
  for (std::size_t i = 0; i < most_bytes; ++i) {
    if (i == bytes.size()) return TakeStatus::incomplete;
    const auto digit = static_cast<std::uint64_t>(bytes[i]);
    if (i == kMaxVarintBytes - 1 && digit > 1) return TakeStatus::invalid;
    value |= (digit & 0x7F) << (7 * i);
    if (digit < 0x80) {
      bytes = bytes.subspan(i + 1);
      return TakeStatus::taken;
    }
  }
  return TakeStatus::invalid;
}

template <typename Word>
TakeStatus take_word(ByteView& bytes, Word& value) {
  if (bytes.size() < sizeof value) return TakeStatus::incomplete;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes = bytes.subspan(sizeof value);
  return TakeStatus::taken;
}

}  // namespace fifomq::core
