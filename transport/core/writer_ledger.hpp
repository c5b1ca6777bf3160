// Which sequence number each writer reached, to count what is missing between two of its messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include <fifomq/message.hpp>

namespace fifomq::core {

class WriterLedger {
 public:
  // How many messages of that writer are missing before this one. A writer's first message here has
  // nothing missing before it: what it wrote earlier may have gone to somebody else.
  std::uint64_t missing_before(const Origin& origin) {
    if (origin.writer == 0 || origin.sequence == 0) return 0;
    std::uint64_t& last = last_of(origin.writer);
    const std::uint64_t missing =
        last == 0 || origin.sequence <= last ? 0 : origin.sequence - last - 1;
    last = std::max(last, origin.sequence);
    return missing;
  }

 private:
  // Writers that were not heard of while this many others were are forgotten: two generations of
  // the map bound its memory without a list of who came last.
  static constexpr std::size_t kGeneration = 4096;

  std::uint64_t& last_of(std::uint64_t writer) {
    if (writer == latest_writer_) return *latest_;
    if (recent_.size() >= kGeneration && !recent_.contains(writer)) {
      older_ = std::exchange(recent_, {});
    }
    const auto [entry, is_new] = recent_.try_emplace(writer, 0);
    if (is_new) {
      if (const auto known = older_.find(writer); known != older_.end())
        entry->second = known->second;
    }
    latest_writer_ = writer;
    latest_ = &entry->second;  // references into an unordered_map stay valid when it grows
    return *latest_;
  }

  std::unordered_map<std::uint64_t, std::uint64_t> recent_;
  std::unordered_map<std::uint64_t, std::uint64_t> older_;
  std::uint64_t latest_writer_ = 0;
  std::uint64_t* latest_ = nullptr;
};

}  // namespace fifomq::core
