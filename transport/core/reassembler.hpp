// Puts fragments together, one message at a time for each stream, within a bound on memory for all
// of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

#include <fifomq/counters.hpp>

#include "core/byte_buffer.hpp"
#include "core/decoder.hpp"
#include "core/frame.hpp"

namespace fifomq::core {

class Reassembler {
 public:
  // Counts into `counters`, which must outlive it.
  Reassembler(const DecoderLimits& limits, Counters& counters)
      : limits_(limits), counters_(counters) {}

  // Takes a fragment that was `wire_bytes` long. True when it completes a message, which is valid
  // until the next call. `now` is on the clock that runs while the source is empty.
  bool add(const Frame& fragment, std::size_t wire_bytes, std::chrono::nanoseconds now,
           MessageView& message);

  // Gives up what got no fragment for frame_timeout of that clock.
  void expire(std::chrono::nanoseconds now);
  void give_up_all();

  bool waiting() const { return !partials_.empty(); }

 private:
  struct Partial {
    std::uint64_t fragment_of = 0;
    std::uint64_t total_size = 0;
    std::size_t wire_bytes = 0;         // of its frames so far
    std::chrono::nanoseconds heard{0};  // when its last fragment came
    std::uint64_t heard_at_byte = 0;    // and where in the stream
    bool refused = false;               // counted already; its remaining fragments are skipped
    Message head;                       // all of the message but its payload
    ByteBuffer payload;
  };
  using Partials = std::unordered_map<std::uint32_t, Partial>;

  Partial* find_or_begin(const Frame& fragment);
  void begin(Partial& partial, const Frame& fragment);
  bool make_room(Partial& partial, std::size_t extra);
  bool evict_silent(const Partial& asking);
  void append(Partial& partial, const Frame& fragment);
  void refuse(Partial& partial, std::uint64_t Counters::*reason);
  void complete(Partial& partial, MessageView& message);
  void drop_unfinished(Partial& partial, std::uint64_t Counters::*reason);
  void release(Partial& partial);

  const DecoderLimits limits_;
  Counters& counters_;
  Partials partials_;
  std::uint64_t memory_ = 0;  // what the partials hold
  // The message handed out last; its buffer is used again for the next one.
  Partial finished_;
};

}  // namespace fifomq::core
