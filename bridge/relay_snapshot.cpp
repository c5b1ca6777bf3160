#include "relay_snapshot.hpp"

#include <algorithm>
#include <cstddef>

namespace fifomq {

void LatencyCounts::add(std::chrono::duration<double> age) {
  const auto* const bound = std::ranges::lower_bound(kBounds, age.count());
  ++buckets.at(static_cast<std::size_t>(bound - kBounds.begin()));
  sum_seconds += age.count();
}

RelaySnapshot ObservedRelay::take() const {
  return {.from = from.counters(),
          .to = to.counters(),
          .relayed = relay.relayed(),
          .hop_limit = relay.hop_limit(),
          .too_large = relay.too_large(),
          .not_representable = relay.not_representable(),
          .dead_letters = relay.dead_letters(),
          .unsent = relay.unsent(),
          .uncommitted = relay.uncommitted()};
}

}  // namespace fifomq
