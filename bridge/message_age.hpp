// How long ago a message was sent, by this machine's clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace fifomq {

// Of a message that carries such a time, which may be any number: it is the peer's. What comes from
// the future, because two machines' clocks differ, was sent just now.
inline std::chrono::nanoseconds age_of(std::uint64_t sent_unix_nanos) {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  const auto count = static_cast<std::uint64_t>(now.count());
  return std::chrono::nanoseconds(count - std::min(count, sent_unix_nanos));
}

}  // namespace fifomq
