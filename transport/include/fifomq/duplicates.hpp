// For a consumer of a channel that gives messages again after a crash (Capabilities::
// explicit_commit): leaves out what it has had already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include <fifomq/message.hpp>

namespace fifomq {

// The last sequence number of each writer, 0 for one that was not heard of. In bounded memory: a
// writer that was not heard of while kGeneration others were may be forgotten, so at most twice as
// many are known, in about 1 MiB.
class LatestSequences {
 public:
  static constexpr std::size_t kGeneration = 4096;  // writers

  // Valid until the next call.
  std::uint64_t& of(std::uint64_t writer) {
    if (writer == latest_writer_) return *latest_;
    // Two generations bound the memory without a list of who came last.
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

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> recent_;
  std::unordered_map<std::uint64_t, std::uint64_t> older_;
  std::uint64_t latest_writer_ = 0;
  std::uint64_t* latest_ = nullptr;
};

// Knows a message by its writer and sequence number. Relies on the order of each writer's messages
// (rule 2), so what it remembers of a writer is one number; see LatestSequences for how many.
class DuplicateFilter {
 public:
  // Whether this message is the first with its number from its writer, and none with a higher one
  // has come. One of unknown origin is always new.
  bool is_new(const Origin& origin) {
    if (origin.writer == 0 || origin.sequence == 0) return true;
    std::uint64_t& last = latest_.of(origin.writer);
    if (origin.sequence <= last) return false;
    last = origin.sequence;
    return true;
  }

 private:
  LatestSequences latest_;
};

}  // namespace fifomq
