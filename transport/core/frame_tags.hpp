// The keys of a frame's fields, as they stand on the wire: proto/fifomq/v1/frame.proto.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/varint.hpp"

namespace fifomq::core {

// Protobuf wire types.
enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

constexpr std::byte tag(unsigned field, WireType type) {
  return static_cast<std::byte>(field << 3 | static_cast<unsigned>(type));
}

inline constexpr std::byte kSyncTag = tag(1, WireType::fixed32);
inline constexpr std::byte kCheckTag = tag(2, WireType::fixed32);
inline constexpr std::byte kWriterTag = tag(3, WireType::fixed64);
inline constexpr std::byte kSequenceTag = tag(4, WireType::varint);
inline constexpr std::byte kTopicTag = tag(5, WireType::bytes);
inline constexpr std::byte kTypeTag = tag(6, WireType::bytes);
inline constexpr std::byte kSentTag = tag(7, WireType::fixed64);
inline constexpr std::byte kHopsTag = tag(8, WireType::varint);
inline constexpr std::byte kStreamTag = tag(9, WireType::fixed32);
inline constexpr std::byte kFragmentOfTag = tag(10, WireType::varint);
inline constexpr std::byte kTotalSizeTag = tag(11, WireType::varint);
inline constexpr std::byte kOffsetTag = tag(12, WireType::varint);
inline constexpr std::byte kPayloadTag = tag(15, WireType::bytes);

// Protobuf leaves out a field that has its default value.
constexpr std::size_t bytes_field_size(std::size_t size) {
  return size == 0 ? 0 : 1 + varint_size(size) + size;
}

}  // namespace fifomq::core
