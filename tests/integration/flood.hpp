// The messages of the flood: what writer W sends as number N follows from W and N alone, so that a
// receiver can tell what was lost, mixed or reordered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace flood {

struct Header {
  std::uint32_t writer = 0;
  std::uint32_t number = 0;
};

inline constexpr std::size_t kSmallest = 16;
inline constexpr std::size_t kLargest = std::size_t{100} << 10;

inline std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

// Mostly small; one in a hundred takes many fragments.
inline std::size_t size_of(Header header) {
  const std::uint64_t random = mix((std::uint64_t{header.writer} << 32) + header.number);
  const std::uint64_t kind = random % 100;
  const std::size_t most = kind < 90 ? 512 : kind < 99 ? 8192 : kLargest;
  return kSmallest + (random >> 8) % (most - kSmallest + 1);
}

inline void fill(Header header, std::vector<std::byte>& payload) {
  payload.resize(size_of(header));
  std::memcpy(payload.data(), &header, sizeof header);
  std::uint64_t state = mix(~((std::uint64_t{header.writer} << 32) + header.number));
  for (std::size_t at = sizeof header; at < payload.size(); at += sizeof state) {
    std::memcpy(&payload[at], &state, std::min(sizeof state, payload.size() - at));
    state = state * 6364136223846793005U + 1442695040888963407U;
  }
}

}  // namespace flood
