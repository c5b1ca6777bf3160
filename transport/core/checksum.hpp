// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L, which picks the processor's best way at
// run time.
#pragma once

#include <cstdint>

#include <fifomq/message.hpp>

namespace fifomq::core {

// "123456789" gives 0xE3069283.
std::uint32_t crc32c(ByteView bytes);

}  // namespace fifomq::core
