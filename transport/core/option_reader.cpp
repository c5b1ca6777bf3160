#include "core/option_reader.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fifomq/error.hpp>

#include "core/suggest.hpp"
#include "core/units.hpp"

namespace fifomq::core {

OptionReader::OptionReader(const Endpoint& endpoint, std::span<const OptionInfo> known)
    : endpoint_(endpoint) {
  for (const auto& [key, value] : endpoint.options()) {
    if (std::ranges::find(known, key, &OptionInfo::key) != known.end()) continue;
    std::vector<std::string_view> names;
    std::ranges::transform(known, std::back_inserter(names), &OptionInfo::key);
    throw Error(Errc::unknown_option, endpoint.text(),
                "unknown option '" + key + "'" + suggestion(key, names));
  }
}

std::optional<std::string> OptionReader::text(std::string_view key) const {
  for (const auto& [name, value] : endpoint_.options()) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::string OptionReader::path(std::string_view right) const {
  std::string path = endpoint_.address();
  if (path.starts_with("///")) path.erase(0, 2);
  if (path.empty() || path.starts_with("//")) {
    throw Error(Errc::invalid_endpoint, endpoint_.text(), std::string(right));
  }
  return path;
}

std::uint64_t OptionReader::size_bytes(std::string_view key, std::uint64_t fallback) const {
  const auto given = text(key);
  if (!given) return fallback;
  if (const auto size = parse_size_bytes(*given)) return *size;
  refuse(key, *given, kSizeForm);
}

std::chrono::nanoseconds OptionReader::duration(std::string_view key,
                                                std::chrono::nanoseconds fallback) const {
  const auto given = text(key);
  if (!given) return fallback;
  if (const auto duration = parse_duration(*given)) return *duration;
  refuse(key, *given, kDurationForm);
}

std::uint64_t OptionReader::number(std::string_view key, std::uint64_t fallback,
                                   std::uint64_t most) const {
  const auto given = text(key);
  if (!given) return fallback;
  std::uint64_t value = 0;
  const char* end = given->data() + given->size();
  const auto [stop, error] = std::from_chars(given->data(), end, value);
  if (error == std::errc{} && stop == end && value <= most) return value;
  refuse(key, *given, "a whole number from 0 to " + std::to_string(most));
}

void OptionReader::refuse(std::string_view key, const std::string& value,
                          std::string_view right) const {
  throw Error(Errc::invalid_option, endpoint_.text(),
              "option '" + std::string(key) + "' cannot be '" + value + "'; it takes " +
                  std::string(right));
}

}  // namespace fifomq::core
