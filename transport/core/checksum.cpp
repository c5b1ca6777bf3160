#include "core/checksum.hpp"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace fifomq::core {
namespace {

// Polynomials over GF(2) modulo CRC-32C's, bits reflected: the highest bit is the coefficient of 1.
constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x8000'0000;
constexpr std::uint32_t kX = kOne >> 1;

constexpr std::uint32_t times_x(std::uint32_t value) {
  return (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
}

constexpr std::uint32_t times(std::uint32_t left, std::uint32_t right) {
  std::uint32_t product = 0;
  for (; left != 0; left <<= 1) {
    if ((left & kOne) != 0) product ^= right;
    right = times_x(right);
  }
  return product;
}

// x^(8 * 2^i).
constexpr auto kShifts = [] {
  std::array<std::uint32_t, 64> shifts{};
  std::uint32_t power = kX;
  for (int doubling = 0; doubling < 3; ++doubling) power = times(power, power);
  for (std::uint32_t& shift : shifts) {
    shift = power;
    power = times(power, power);
  }
  return shifts;
}();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t extend_short(std::uint32_t state, ByteView bytes) {
  std::uint64_t wide = state;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  state = static_cast<std::uint32_t>(wide);
  if ((left & sizeof state) != 0) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof word);
    state = __builtin_ia32_crc32si(state, word);
    at += sizeof word;
  }
  if ((left & sizeof(std::uint16_t)) != 0) {
    std::uint16_t word = 0;
    std::memcpy(&word, at, sizeof word);
    state = __builtin_ia32_crc32hi(state, word);
    at += sizeof word;
  }
  if ((left & 1) != 0) state = __builtin_ia32_crc32qi(state, static_cast<unsigned char>(*at));
  return state;
}
#else
std::uint32_t extend_short(std::uint32_t state, ByteView) { return state; }
#endif

}  // namespace

std::uint32_t crc_extend(std::uint32_t state, ByteView bytes) {
  if (bytes.size() < kShortChecksumBytes && kHasCrcInstruction) return extend_short(state, bytes);
  // crc32_iscsi counts in int and writes nothing, though its parameter is not const.
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min(bytes.size(), kMostAtOnce));
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(part.data()));
    state = crc32_iscsi(data, static_cast<int>(part.size()), state);
    bytes = bytes.subspan(part.size());
  }
  return state;
}

std::uint32_t crc_shift(std::uint32_t state, std::uint64_t bytes) {
  for (std::size_t i = 0; bytes != 0; ++i, bytes >>= 1) {
    if ((bytes & 1) != 0) state = times(state, kShifts[i]);
  }
  return state;
}

}  // namespace fifomq::core
