// Feeds a stream to a decoder in pieces and checks the ledger after each step.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/decoder.hpp"
#include "fuzz/target.hpp"

namespace fifomq::test {

struct Decoded {
  std::vector<std::string> payloads;
  Counters counters;
};

// How a stream is cut, and whether the source stands empty between the pieces.
class Pieces {
 public:
  Pieces(std::uint8_t seed, bool with_time) : state_(seed), with_time_(with_time) {}

  // xorshift64, so that the same input always runs the same.
  std::uint64_t below(std::uint64_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % bound;
  }
  bool with_time() const { return with_time_; }

 private:
  std::uint64_t state_ = 0;
  bool with_time_;
};

inline void require_ledger(const core::Decoder& decoder, const Decoded& so_far,
                           std::uint64_t given) {
  const Counters now = decoder.counters();
  require(now.balanced(), "every message and every byte is accounted for");
  require(now.bytes_in == given, "bytes_in is what was given");
  require(now.messages_delivered == so_far.payloads.size(), "what was delivered is counted");
}

inline void drain(core::Decoder& decoder, Decoded& decoded, std::uint64_t given) {
  MessageView message;
  require_ledger(decoder, decoded, given);
  while (decoder.next(message)) {
    decoded.payloads.emplace_back(as_text(message.payload));
    require_ledger(decoder, decoded, given);
  }
  require_ledger(decoder, decoded, given);
}

inline void give(core::Decoder& decoder, std::string_view bytes, Decoded& decoded,
                 std::uint64_t& given) {
  std::ranges::copy(as_byte_view(bytes), decoder.room(bytes.size()).begin());
  decoder.filled(bytes.size());
  given += bytes.size();
  drain(decoder, decoded, given);
}

inline void pass_time(core::Decoder& decoder, Pieces& pieces, Decoded& decoded, std::uint64_t given,
                      std::chrono::steady_clock::time_point& now) {
  if (!pieces.with_time() || pieces.below(2) == 0) return;
  decoder.source_empty(now);
  drain(decoder, decoded, given);
  now += std::chrono::seconds(pieces.below(3));
  decoder.was_empty_until(now);
  if (pieces.below(8) != 0) return;
  decoder.writers_left();
  drain(decoder, decoded, given);
  require(decoder.counters().bytes_pending == 0, "nothing waits for a writer that has left");
}

// All of it in one piece when there are none.
inline Decoded decode(core::Decoder& decoder, std::string_view stream, Pieces* pieces) {
  Decoded decoded;
  std::uint64_t given = 0;
  std::chrono::steady_clock::time_point now{};
  while (!stream.empty()) {
    std::size_t size = stream.size();
    if (pieces != nullptr) size = 1 + pieces->below(std::min<std::size_t>(size, 200));
    give(decoder, stream.substr(0, size), decoded, given);
    stream.remove_prefix(size);
    if (pieces != nullptr) pass_time(decoder, *pieces, decoded, given, now);
  }
  decoder.finish();
  drain(decoder, decoded, given);
  decoded.counters = decoder.counters();
  require(decoded.counters.bytes_pending == 0, "nothing is pending in the end");
  require(decoded.counters.messages_pending == 0, "no message is pending in the end");
  return decoded;
}

inline void require_same(const Decoded& one, const Decoded& other) {
  require(one.payloads == other.payloads, "the messages do not depend on how the stream is cut");
  for (const auto& [name, member] : kCounterNames) {
    require(one.counters.*member == other.counters.*member,
            std::string(name) + " does not depend on how the stream is cut");
  }
}

}  // namespace fifomq::test
