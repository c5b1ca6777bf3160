#include "guarantee.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace fifomq {
namespace {

Guarantee at_least_once(const Capabilities& from, const Capabilities& to) {
  const std::string why =
      to.acknowledges ? "what the far end has not acknowledged is read again after a crash"
                      : "what has not reached TO is read again after a crash, and what has waits "
                        "there for its reader, as long as somebody holds it";
  if (from.survives_power_loss && to.survives_power_loss) {
    return {kAcrossPowerLoss, why + " and after a power failure"};
  }
  const std::string_view in_to = to.acknowledges ? "TO has settled" : "waits in TO";
  std::string lost = from.survives_power_loss ? std::string(in_to) : "waits in FROM";
  if (!from.survives_power_loss && !to.survives_power_loss) lost += " or " + std::string(in_to);
  return {kAtLeastOnce, why + "; a power failure may lose what " + lost};
}

Guarantee guarantee_of_pair(const Capabilities& from, const Capabilities& to) {
  const bool keeps = to.acknowledges || to.waits_for_peer;
  if (from.explicit_commit && keeps) return at_least_once(from, to);
  std::string why;
  if (!from.explicit_commit) why = "what has been read from FROM is not read again after a crash";
  if (!keeps) {
    why +=
        std::string(why.empty() ? "" : "; ") + "TO does not learn what the far end has taken over";
  }
  return {kAtMostOnce, why};
}

bool gives_more(std::string_view wanted, std::string_view given) {
  return std::ranges::find(kGuarantees, wanted) > std::ranges::find(kGuarantees, given);
}

// "a:, b: or c:"
std::string any_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += std::string(names[i]) + ":";
  }
  return text;
}

// The schemes of which one end, put in the place of the one that is there, would promise more; the
// least that they would.
std::string raised_by(std::string_view end, std::span<const SchemeInfo> schemes,
                      std::optional<Capabilities> SchemeInfo::*capabilities, std::string_view given,
                      auto&& guarantee_with) {
  std::vector<std::string_view> names;
  std::string_view least = kGuarantees.back();
  for (const SchemeInfo& scheme : schemes) {
    if (!(scheme.*capabilities)) continue;
    const std::string_view with = guarantee_with(*(scheme.*capabilities)).name;
    if (!gives_more(with, given)) continue;
    names.push_back(scheme.name);
    if (gives_more(least, with)) least = with;
  }
  if (names.empty()) return "";
  return any_of(names) + " as " + std::string(end) + " would give " + std::string(least);
}

std::string raised_by(const Capabilities& from, const Capabilities& to, std::string_view given,
                      std::span<const SchemeInfo> schemes) {
  std::string to_other =
      raised_by("TO", schemes, &SchemeInfo::sender, given,
                [&](const Capabilities& other) { return guarantee_of_pair(from, other); });
  if (!to_other.empty()) return to_other;
  return raised_by("FROM", schemes, &SchemeInfo::receiver, given,
                   [&](const Capabilities& other) { return guarantee_of_pair(other, to); });
}

}  // namespace

bool gives(const Guarantee& given, std::string_view wanted) {
  return !gives_more(wanted, given.name);
}

Guarantee guarantee_of(const PairGuarantee& in, const PairGuarantee& out) {
  const PairGuarantee& weaker = gives(in.guarantee, out.guarantee.name) ? out : in;
  const Guarantee& weak = weaker.guarantee;
  return {weak.name, weaker.pair + ": " + weak.why, weak.raised_by};
}

Guarantee guarantee_of(const Capabilities& from, const Capabilities& to,
                       std::span<const SchemeInfo> schemes) {
  Guarantee guarantee = guarantee_of_pair(from, to);
  guarantee.raised_by = raised_by(from, to, guarantee.name, schemes);
  return guarantee;
}

}  // namespace fifomq
