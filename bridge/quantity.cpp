#include "quantity.hpp"

#include <array>
#include <cstdio>
#include <span>
#include <string_view>

namespace fifomq {
namespace {

std::string three_digits(double number) {
  const int decimals = number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
  return text.data();
}

// In the first unit in which it is below a thousand, or in the last one.
std::string in_units(double number, double step, std::span<const std::string_view> units) {
  std::size_t unit = 0;
  while (number >= 999.5 && unit + 1 < units.size()) {
    number /= step;
    ++unit;
  }
  const bool is_whole = unit == 0 && number == static_cast<double>(static_cast<int>(number));
  const std::string digits =
      is_whole ? std::to_string(static_cast<int>(number)) : three_digits(number);
  return digits + std::string(units[unit]);
}

}  // namespace

std::string in_digits(double number) {
  constexpr std::array<std::string_view, 4> kUnits{"", "k", "M", "G"};
  return in_units(number, 1000, kUnits);
}

std::string in_bytes(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  return in_units(bytes, 1024, kUnits);
}

std::string in_time(std::chrono::duration<double> time) {
  constexpr std::array<std::string_view, 4> kUnits{"ns", "us", "ms", "s"};
  return in_units(std::chrono::duration<double, std::nano>(time).count(), 1000, kUnits);
}

std::string on_a_clock(std::chrono::seconds time) {
  const auto count = time.count();
  std::array<char, 32> text{};
  if (count < 3600) {
    std::snprintf(text.data(), text.size(), "%d:%02d", static_cast<int>(count / 60),
                  static_cast<int>(count % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%lld:%02d:%02d", static_cast<long long>(count / 3600),
                  static_cast<int>(count / 60 % 60), static_cast<int>(count % 60));
  }
  return text.data();
}

}  // namespace fifomq
