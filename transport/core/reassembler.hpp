// Puts fragments together, one message at a time for each stream, within a bound on memory for all
// of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
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

  // How a fragment came.
  struct Arrival {
    std::size_t wire_bytes;         // of its frame
    std::uint64_t position;         // in the stream, where the frame ends
    std::chrono::nanoseconds time;  // on the clock that runs while the source is empty
  };
  // True when the fragment completes a message, which is valid until the next call. Where memory
  // ends (std::bad_alloc), the same fragment may be added again.
  bool add(const Frame& fragment, const Arrival& arrival, MessageView& message);

  // Gives up what got no fragment for frame_timeout of that clock.
  void expire(std::chrono::nanoseconds now);
  void give_up_all();

  // Where the first byte stands that a half message has and that can still be read again.
  std::uint64_t needed_from() const;
  // What lies before that place cannot be read again, and no more of what began there is needed.
  // What becomes whole all the same is counted `uncommittable`.
  void gone_until(std::uint64_t place) { gone_ = place; }

  // As Decoder has them.
  void write_half_done(ByteBuffer& out) const;
  void kept_until(std::uint64_t place);
  bool has_kept() const;

  bool waiting() const { return !streams_.empty(); }
  Held held() const { return {.messages = active_.size(), .bytes = held_bytes_}; }

 private:
  struct Partial {
    std::uint32_t stream = 0;
    std::uint64_t fragment_of = 0;
    std::uint64_t total_size = 0;
    std::size_t wire_bytes = 0;         // of its frames so far
    std::uint64_t start = 0;            // where the first of them stands
    std::chrono::nanoseconds heard{0};  // when its last fragment came
    std::uint64_t heard_at = 0;         // and where in the stream
    bool kept = false;                  // what came before `start` is kept elsewhere
    bool refused = false;               // counted already; its remaining fragments are skipped
    Message head;                       // all of the message but its payload
    ByteBuffer payload;
  };
  using Partials = std::list<Partial>;

  static bool came_before(const Partial& partial, const Frame& fragment);
  Partial* find_or_begin(const Frame& fragment);
  Partial* new_partial(const Frame& fragment);
  void begin(Partial& partial, const Frame& fragment);
  void hear(Partial& partial, const Arrival& arrival);
  bool make_room(Partial& partial, const Frame& fragment);
  bool is_stale(const Partial& partial) const;
  bool evict_memory(const Partial& asking);
  bool evict_entry();
  void append(Partial& partial, const Frame& fragment);
  void refuse(Partial& partial, std::uint64_t Counters::*reason);
  void complete(Partial& partial, MessageView& message);
  void drop_unfinished(Partial& partial, std::uint64_t Counters::*reason);
  void give_up(Partial& partial);
  void release(Partial& partial);
  void forget(Partial& partial);

  const DecoderLimits limits_;
  Counters& counters_;
  // By when they were heard of last, the longest silent first.
  Partials active_;
  Partials refused_;
  std::unordered_map<std::uint32_t, Partials::iterator> streams_;
  std::uint64_t position_ = 0;  // of the last fragment
  std::uint64_t gone_ = 0;
  std::uint64_t memory_ = 0;      // what the partials' payloads take
  std::uint64_t held_bytes_ = 0;  // of their frames
  // The message handed out last; its buffer is used again for the next one.
  Partial finished_;
};

}  // namespace fifomq::core
