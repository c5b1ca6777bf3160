// What a pair of channel ends promises about delivery, and why no more.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include <fifomq/capabilities.hpp>
#include <fifomq/transport.hpp>

namespace fifomq {

inline constexpr std::string_view kAtMostOnce = "at-most-once";
inline constexpr std::string_view kAtLeastOnce = "at-least-once";
inline constexpr std::string_view kAcrossPowerLoss = "at-least-once across power loss";
// From the weakest to the strongest.
inline constexpr std::array kGuarantees{kAtMostOnce, kAtLeastOnce, kAcrossPowerLoss};

struct Guarantee {
  std::string_view name;
  std::string why;
  std::string raised_by{};  // for people: what other ends would promise more; empty when none would
};

// Whether a pair that gives `given` gives `wanted`, which is the name of one, too.
bool gives(const Guarantee& given, std::string_view wanted);

// What two pairs promise together, of which the second empties what the first fills. `in` and `out`
// are for people.
struct PairGuarantee {
  std::string pair;
  Guarantee guarantee;
};
Guarantee guarantee_of(const PairGuarantee& in, const PairGuarantee& out);

// Among `schemes` are those of other ends.
Guarantee guarantee_of(const Capabilities& from, const Capabilities& to,
                       std::span<const SchemeInfo> schemes);

}  // namespace fifomq
