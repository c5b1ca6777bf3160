// Sizes and durations as people write them: `1MiB`, `250ms`. A bare number means nothing, except 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fifomq::core {

// B, KiB, MiB, GiB; also kB, MB, GB (powers of 1000).
std::optional<std::uint64_t> parse_size_bytes(std::string_view text);

// ns, us, ms, s, min, h.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

inline constexpr std::string_view kSizeForm = "a size with its unit, such as 64KiB or 1MiB";
inline constexpr std::string_view kDurationForm = "a duration with its unit, such as 250ms or 5s";

}  // namespace fifomq::core
