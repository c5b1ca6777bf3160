// What writer W sends as number N follows from W, N and the size, so that a receiver can tell what
// was lost, mixed, cut or repeated. history.py makes the same bytes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace faults {

struct Header {
  std::uint32_t writer = 0;
  std::uint32_t number = 0;
};

inline constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;

inline std::uint64_t first_word(Header header) {
  return (std::uint64_t{header.writer} << 32 | header.number) * 0xBF58476D1CE4E5B9U;
}

// A size below that of the header cuts the header.
inline void fill(Header header, std::size_t size, std::vector<std::byte>& payload) {
  payload.resize(size);
  std::memcpy(payload.data(), &header, std::min(size, sizeof header));
  std::uint64_t word = first_word(header);
  for (std::size_t at = sizeof header; at < size; at += sizeof word, word += kStep) {
    std::memcpy(&payload[at], &word, std::min(sizeof word, size - at));
  }
}

struct Sizes {
  std::size_t least = sizeof(Header);
  std::size_t most = sizeof(Header);

  // All magnitudes alike.
  std::size_t pick(std::mt19937_64& random) const {
    const double low = std::log(static_cast<double>(least));
    const double high = std::log(static_cast<double>(most) + 1);
    const double drawn = std::exp(std::uniform_real_distribution<double>(low, high)(random));
    return std::clamp(static_cast<std::size_t>(drawn), least, most);
  }
};

}  // namespace faults
