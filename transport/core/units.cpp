#include "core/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace fifomq::core {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

constexpr auto kSizeUnits = std::to_array<Unit>({
    {"B", 1},
    {"KiB", std::uint64_t{1} << 10},
    {"MiB", std::uint64_t{1} << 20},
    {"GiB", std::uint64_t{1} << 30},
    {"kB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
});

constexpr auto kDurationUnits = std::to_array<Unit>({
    {"ns", 1},
    {"us", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"min", 60'000'000'000},
    {"h", 3'600'000'000'000},
});

template <typename Units>
std::optional<std::uint64_t> parse(std::string_view text, const Units& units, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.empty() && number == 0) return 0;
  for (const auto& [name, factor] : units) {
    if (name != unit) continue;
    if (number > most / factor) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) {
  return parse(text, kSizeUnits, std::numeric_limits<std::uint64_t>::max());
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto count = parse(text, kDurationUnits, std::numeric_limits<std::int64_t>::max());
  if (!count) return std::nullopt;
  return std::chrono::nanoseconds(*count);
}

}  // namespace fifomq::core
