// Sizes in which memory is kept for later messages: four to each doubling, so that little of it
// stands idle in the processor's caches.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace fifomq::zeromq {

inline constexpr std::size_t kSmallestKept = std::size_t{1} << 8;  // bytes
inline constexpr std::size_t kLargestKept = std::size_t{1} << 23;

namespace size_class_detail {
inline constexpr unsigned kDigits = 3;  // binary ones of a size, the first that is set being one
inline constexpr std::size_t kSteps = std::size_t{1} << (kDigits - 1);
inline constexpr unsigned kLeastShift =
    static_cast<unsigned>(std::bit_width(kSmallestKept - 1)) - kDigits;
}  // namespace size_class_detail

// The smallest class with room for so many bytes, up to kLargestKept.
constexpr std::uint16_t size_class_of(std::size_t bytes) {
  using namespace size_class_detail;
  const std::size_t last = std::max(bytes, kSmallestKept) - 1;
  const std::size_t shift = static_cast<unsigned>(std::bit_width(last)) - kDigits;
  const std::size_t rounded = (last >> shift) + 1;
  return static_cast<std::uint16_t>((shift - kLeastShift) * kSteps + rounded - 2 * kSteps);
}

constexpr std::size_t bytes_of_class(std::uint16_t size_class) {
  using namespace size_class_detail;
  const std::size_t doublings = (size_class + kSteps - 1) / kSteps;
  const std::size_t rounded = 2 * kSteps + size_class - doublings * kSteps;
  return rounded << (doublings + kLeastShift);
}

static_assert(size_class_of(1) == 0 && bytes_of_class(0) == kSmallestKept);
static_assert(bytes_of_class(size_class_of(kSmallestKept + 1)) == kSmallestKept / 4 * 5);
static_assert(bytes_of_class(size_class_of(kLargestKept)) == kLargestKept);

}  // namespace fifomq::zeromq
