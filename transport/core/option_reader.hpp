// An endpoint's options, read against the list of those that its scheme has. Every complaint names
// the key, the value, and what would be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fifomq/transport.hpp>

namespace fifomq::core {

class OptionReader {
 public:
  // Throws Error (unknown_option) for a key that `known` does not hold, naming the nearest one.
  OptionReader(const Endpoint& endpoint, std::span<const OptionInfo> known);

  // The value as given, or nothing.
  std::optional<std::string> text(std::string_view key) const;

  // The endpoint's address as an absolute or relative path; `///` is as good as `/`. Throws Error
  // (invalid_endpoint) where there is none, with `right`, which says what must follow.
  std::string path(std::string_view right) const;

  // These throw Error (invalid_option) for a value of another form.
  std::uint64_t size_bytes(std::string_view key, std::uint64_t fallback) const;
  std::chrono::nanoseconds duration(std::string_view key, std::chrono::nanoseconds fallback) const;
  std::uint64_t number(std::string_view key, std::uint64_t fallback, std::uint64_t most) const;

  template <typename Enum>
  Enum choice(std::string_view key, Enum fallback,
              std::initializer_list<std::pair<std::string_view, Enum>> values) const {
    const auto given = text(key);
    if (!given) return fallback;
    std::string forms;
    for (const auto& [name, value] : values) {
      if (name == *given) return value;
      forms += (forms.empty() ? "" : "|") + std::string(name);
    }
    refuse(key, *given, forms);
  }

  [[noreturn]] void refuse(std::string_view key, const std::string& value,
                           std::string_view right) const;

 private:
  const Endpoint& endpoint_;
};

}  // namespace fifomq::core
