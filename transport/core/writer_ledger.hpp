// Which sequence number each writer reached, to count what is missing between two of its messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <new>

#include <fifomq/duplicates.hpp>

namespace fifomq::core {

class WriterLedger {
 public:
  // How many messages of that writer are missing before this one. A writer's first message here has
  // nothing missing before it: what it wrote earlier may have gone to somebody else. One that there
  // is no memory to remember is not: its message comes all the same.
  std::uint64_t missing_before(const Origin& origin) noexcept {
    if (origin.writer == 0 || origin.sequence == 0) return 0;
    try {
      std::uint64_t& last = latest_.of(origin.writer);
      const std::uint64_t missing =
          last == 0 || origin.sequence <= last ? 0 : origin.sequence - last - 1;
      last = std::max(last, origin.sequence);
      return missing;
    } catch (const std::bad_alloc&) {
      return 0;
    }
  }

 private:
  LatestSequences latest_;
};

}  // namespace fifomq::core
