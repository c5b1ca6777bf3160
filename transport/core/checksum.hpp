// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L, which picks the processor's best way at
// run time.
#pragma once

#include <cstdint>

#include <fifomq/message.hpp>

namespace fifomq::core {

// In steps: begin with kCrcStart, extend, and finish.
inline constexpr std::uint32_t kCrcStart = ~std::uint32_t{0};
std::uint32_t crc_extend(std::uint32_t state, ByteView bytes);
constexpr std::uint32_t crc_finish(std::uint32_t state) { return ~state; }

// "123456789" gives 0xE3069283.
inline std::uint32_t crc32c(ByteView bytes) { return crc_finish(crc_extend(kCrcStart, bytes)); }

// Below about so many bytes, the way into the library takes longer than its wider steps save.
inline constexpr std::size_t kShortChecksumBytes = 200;
// Whether the processor has an instruction of x86 for it (SSE4.2).
#if defined(__x86_64__)
inline const bool kHasCrcInstruction = __builtin_cpu_supports("sse4.2") != 0;
#else
inline constexpr bool kHasCrcInstruction = false;
#endif

// The state after as many zero bytes: the state times x^(8 * bytes), modulo the polynomial. The
// state is linear, so this puts checksums of neighbouring parts together (the way of zlib's
// crc32_combine).
std::uint32_t crc_shift(std::uint32_t state, std::uint64_t bytes);

}  // namespace fifomq::core
