// How a message stands in a segment: a head, and behind it the body of a fifomq.v1.Frame with its
// checksum.
//
// The head's checksum covers where the record stands and which segment it stands in. So after
// damage the next record is found without a doubt, also where payloads hold records themselves, and
// a length is believed only when it is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <fifomq/message.hpp>

namespace fifomq::spool {

// Where a record stands: the segment's random number, and the place in the stream of all segments.
struct Place {
  std::uint32_t salt;
  std::uint64_t position;
};

inline constexpr std::size_t kHeadBytes = 16;

// Memory for records that is kept; what a larger message has needed is given back.
inline constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

// Writes kHeadBytes in front of a body of that size.
void write_head(std::byte* out, Place place, std::uint64_t body_size);

// The size of the body behind the head that these bytes begin with; nothing when no head of ours
// stands there. Takes at least kHeadBytes.
std::optional<std::uint64_t> read_head(ByteView bytes, Place place);

// How many of these bytes come before the first place, behind the first byte, where a head might
// begin.
std::size_t skip_to_head(ByteView bytes);

}  // namespace fifomq::spool
