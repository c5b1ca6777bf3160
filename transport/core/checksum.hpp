// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L, which picks the processor's best way at
// run time.
#pragma once

#include <cstdint>

#include <fifomq/message.hpp>

namespace fifomq::core {

// "123456789" gives 0xE3069283.
std::uint32_t crc32c(ByteView bytes);

// In steps: begin with kCrcStart, extend, and finish.
inline constexpr std::uint32_t kCrcStart = ~std::uint32_t{0};
std::uint32_t crc_extend(std::uint32_t state, ByteView bytes);
constexpr std::uint32_t crc_finish(std::uint32_t state) { return ~state; }

// The state after as many zero bytes: the state times x^(8 * bytes), modulo the polynomial. The
// state is linear, so this puts checksums of neighbouring parts together (the way of zlib's
// crc32_combine).
std::uint32_t crc_shift(std::uint32_t state, std::uint64_t bytes);

}  // namespace fifomq::core
