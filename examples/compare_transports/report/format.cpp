#include "report/format.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace compare {

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string short_number(double value) {
  constexpr std::array<std::pair<double, const char*>, 3> kPrefixes{
      {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  const auto three_digits = [](double number) {
    return fixed(number, number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
  };
  for (const auto& [factor, prefix] : kPrefixes) {
    if (value >= factor * 0.9995) return three_digits(value / factor) + prefix;
  }
  return three_digits(value);
}

std::string size_text(std::size_t bytes) {
  constexpr std::size_t kKib = 1024;
  constexpr std::size_t kMib = kKib * kKib;
  if (bytes >= kMib && bytes % kMib == 0) return std::to_string(bytes / kMib) + " MiB";
  if (bytes >= kKib && bytes % kKib == 0) return std::to_string(bytes / kKib) + " KiB";
  return std::to_string(bytes) + " B";
}

std::string left_aligned(std::string_view text, std::size_t width) {
  std::string all(text);
  if (all.size() < width) all.append(width - all.size(), ' ');
  return all;
}

std::string right_aligned(std::string_view text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + std::string(text)
                             : std::string(text);
}

}  // namespace compare
