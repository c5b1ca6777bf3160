#include "core/checksum.hpp"

#include <isa-l/crc.h>

#include <algorithm>

namespace fifomq::core {

std::uint32_t crc32c(ByteView bytes) {
  // crc32_iscsi counts in int and writes nothing, though its parameter is not const.
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  std::uint32_t state = ~0U;
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min(bytes.size(), kMostAtOnce));
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(part.data()));
    state = crc32_iscsi(data, static_cast<int>(part.size()), state);
    bytes = bytes.subspan(part.size());
  }
  return ~state;
}

}  // namespace fifomq::core
