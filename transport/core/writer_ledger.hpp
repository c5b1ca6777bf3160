// Which sequence number each writer reached, to count what is missing between two of its messages.
#pragma once

#include <algorithm>
#include <cstdint>

#include <fifomq/duplicates.hpp>

namespace fifomq::core {

class WriterLedger {
 public:
  // How many messages of that writer are missing before this one. A writer's first message here has
  // nothing missing before it: what it wrote earlier may have gone to somebody else.
  std::uint64_t missing_before(const Origin& origin) {
    if (origin.writer == 0 || origin.sequence == 0) return 0;
    std::uint64_t& last = latest_.of(origin.writer);
    const std::uint64_t missing =
        last == 0 || origin.sequence <= last ? 0 : origin.sequence - last - 1;
    last = std::max(last, origin.sequence);
    return missing;
  }

 private:
  LatestSequences latest_;
};

}  // namespace fifomq::core
