// What a pair of channel ends promises about delivery, and why no more.
#pragma once

#include <string>
#include <string_view>

#include <fifomq/capabilities.hpp>

namespace fifomq {

inline constexpr std::string_view kAtMostOnce = "at-most-once";
inline constexpr std::string_view kAtLeastOnce = "at-least-once";

struct Guarantee {
  std::string_view name;
  std::string why;
};

Guarantee guarantee_of(const Capabilities& from, const Capabilities& to);

}  // namespace fifomq
