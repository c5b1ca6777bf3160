#include "guarantee.hpp"

#include <algorithm>

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

}  // namespace

bool gives(const Guarantee& given, std::string_view wanted) {
  return std::ranges::find(kGuarantees, given.name) >= std::ranges::find(kGuarantees, wanted);
}

Guarantee guarantee_of(const PairGuarantee& in, const PairGuarantee& out) {
  const PairGuarantee& weaker = gives(in.guarantee, out.guarantee.name) ? out : in;
  return {weaker.guarantee.name, weaker.pair + ": " + weaker.guarantee.why};
}

Guarantee guarantee_of(const Capabilities& from, const Capabilities& to) {
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

}  // namespace fifomq
