#include "core/reassembler.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "core/varint.hpp"

namespace fifomq::core {
namespace {

constexpr std::size_t kLeastCapacity = 4096;
// So many streams for so much memory: what a stream costs beside its payload, up to 3 KiB of topic
// and the like, then adds a twentieth at most.
constexpr std::size_t kMemoryPerStream = std::size_t{64} << 10;
constexpr std::size_t kLeastStreams = 16;
// A buffer up to this size is kept for the next message; a larger one goes back to the system.
constexpr std::size_t kMostKept = std::size_t{4} << 20;

Message head_of(const Frame& fragment) {
  return Message(MessageView{.payload = {},
                             .topic = fragment.topic,
                             .type = fragment.type,
                             .origin = Origin{fragment.writer, fragment.sequence},
                             .sent_unix_nanos = fragment.sent_unix_nanos,
                             .hops = fragment.hops,
                             .unknown_fields = fragment.unknown_fields});
}

// The first one's are part of the head.
bool adds_unknown(const Message& head, const Frame& fragment) {
  return fragment.offset > 0 && !fragment.unknown_fields.empty() &&
         head.unknown_fields.size() + fragment.unknown_fields.size() <= kMaxUnknownBytes;
}

}  // namespace

bool Reassembler::add(const Frame& fragment, const Arrival& arrival, MessageView& message) {
  position_ = arrival.position;
  Partial* partial = find_or_begin(fragment);
  if (partial != nullptr) hear(*partial, arrival);
  if (partial == nullptr || partial->refused || came_before(*partial, fragment)) {
    counters_.bytes_skipped += arrival.wire_bytes;
    return false;
  }
  if (partial->wire_bytes == 0) partial->start = arrival.position - arrival.wire_bytes;
  const bool fits =
      fragment.total_size == partial->total_size && fragment.offset == partial->payload.size();
  const bool has_room = !fits || fragment.is_cancel() || make_room(*partial, fragment);
  // From here on nothing throws.
  partial->wire_bytes += arrival.wire_bytes;
  held_bytes_ += arrival.wire_bytes;
  if (fragment.is_cancel()) {
    drop_unfinished(*partial, &Counters::cancelled);
    forget(*partial);
  } else if (!fits) {
    refuse(*partial, &Counters::given_up);
  } else if (!has_room) {
    refuse(*partial, &Counters::over_memory);
  } else {
    append(*partial, fragment);
    if (partial->payload.size() < partial->total_size) return false;
    complete(*partial, message);
    return true;
  }
  return false;
}

// A reader had kept the fragment elsewhere, and was killed before it took it out of the source.
bool Reassembler::came_before(const Partial& partial, const Frame& fragment) {
  return partial.kept && !fragment.is_cancel() && fragment.total_size == partial.total_size &&
         fragment.offset <= partial.payload.size() &&
         fragment.payload.size() <= partial.payload.size() - fragment.offset;
}

// Null when there is nothing to add the fragment to.
Reassembler::Partial* Reassembler::find_or_begin(const Frame& fragment) {
  const auto known = streams_.find(fragment.stream);
  if (known != streams_.end() && known->second->fragment_of == fragment.fragment_of) {
    return &*known->second;
  }
  // A cancel for something that is not here any more says nothing new.
  if (fragment.is_cancel()) return nullptr;
  if (known != streams_.end()) {
    give_up(*known->second);
    forget(*known->second);
  }
  return new_partial(fragment);
}

Reassembler::Partial* Reassembler::new_partial(const Frame& fragment) {
  const auto most =
      std::max<std::uint64_t>(kLeastStreams, limits_.reassembly_memory / kMemoryPerStream);
  if (streams_.size() >= most && !evict_entry()) {
    if (fragment.offset == 0) {
      ++counters_.messages_received;
      ++counters_.over_memory;
    }
    return nullptr;
  }
  Partials fresh(1);
  Partial& partial = fresh.front();
  partial.stream = fragment.stream;
  partial.fragment_of = fragment.fragment_of;
  partial.total_size = fragment.total_size;
  partial.head = head_of(fragment);
  streams_[fragment.stream] = fresh.begin();
  active_.splice(active_.end(), fresh);
  begin(partial, fragment);
  return &partial;
}

void Reassembler::hear(Partial& partial, const Arrival& arrival) {
  partial.heard = arrival.time;
  partial.heard_at = arrival.position;
  Partials& list = partial.refused ? refused_ : active_;
  list.splice(list.end(), list, streams_[partial.stream]);
}

void Reassembler::begin(Partial& partial, const Frame& fragment) {
  ++counters_.messages_received;
  if (fragment.total_size > limits_.max_message) {
    refuse(partial, &Counters::too_large);
  } else if (fragment.offset != 0) {
    refuse(partial, &Counters::given_up);  // its beginning was lost
  } else {
    const std::size_t kept = finished_.payload.capacity();
    if (kept <= kMostKept && memory_ + kept <= limits_.reassembly_memory) {
      partial.payload = std::exchange(finished_.payload, {});
      partial.payload.clear();
      memory_ += partial.payload.capacity();
    }
  }
}

// For all of the fragment; false when that would be too much. Grows in steps, as bytes arrive:
// total_size is only a claim.
bool Reassembler::make_room(Partial& partial, const Frame& fragment) {
  auto& unknown = partial.head.unknown_fields;
  if (adds_unknown(partial.head, fragment)) {
    unknown.reserve(unknown.size() + fragment.unknown_fields.size());
  }
  const std::size_t needed = partial.payload.size() + fragment.payload.size();
  const std::size_t before = partial.payload.capacity();
  if (needed <= before) return true;
  const std::size_t capacity = std::max(
      needed, std::min<std::size_t>(partial.total_size, std::max(2 * before, kLeastCapacity)));
  while (memory_ - before + capacity > limits_.reassembly_memory) {
    if (!evict_memory(partial)) return false;
  }
  partial.payload.reserve(capacity);
  memory_ += capacity - before;
  return true;
}

// While the source is never empty, the clock that declares a writer dead stands still. A stream
// that got nothing while as much as a whole message of the largest size went by is dead enough to
// lose its memory to another one, or its entry.
bool Reassembler::is_stale(const Partial& partial) const {
  return position_ - partial.heard_at >= limits_.max_message;
}

bool Reassembler::evict_memory(const Partial& asking) {
  Partial& silent = active_.front();
  if (&silent == &asking || !is_stale(silent)) return false;
  refuse(silent, &Counters::given_up);
  return true;
}

bool Reassembler::evict_entry() {
  for (Partials* list : {&refused_, &active_}) {
    if (list->empty() || !is_stale(list->front())) continue;
    give_up(list->front());
    forget(list->front());
    return true;
  }
  return false;
}

void Reassembler::append(Partial& partial, const Frame& fragment) {
  partial.payload.append(fragment.payload);
  if (!adds_unknown(partial.head, fragment)) return;
  auto& unknown = partial.head.unknown_fields;
  unknown.insert(unknown.end(), fragment.unknown_fields.begin(), fragment.unknown_fields.end());
}

void Reassembler::complete(Partial& partial, MessageView& message) {
  counters_.bytes_in_messages += partial.wire_bytes;
  counters_.uncommittable += partial.start < gone_ ? 1 : 0;
  held_bytes_ -= partial.wire_bytes;
  memory_ -= partial.payload.capacity();
  finished_ = std::move(partial);
  const auto entry = streams_.find(finished_.stream);
  active_.erase(entry->second);
  streams_.erase(entry);
  message = finished_.head.view();
  message.payload = finished_.payload.view();
}

void Reassembler::refuse(Partial& partial, std::uint64_t Counters::*reason) {
  drop_unfinished(partial, reason);
  partial.refused = true;
  partial.head = {};
  refused_.splice(refused_.end(), active_, streams_[partial.stream]);
}

void Reassembler::drop_unfinished(Partial& partial, std::uint64_t Counters::*reason) {
  ++(counters_.*reason);
  counters_.bytes_skipped += partial.wire_bytes;
  held_bytes_ -= partial.wire_bytes;
  partial.wire_bytes = 0;
  release(partial);
}

void Reassembler::give_up(Partial& partial) {
  if (!partial.refused) drop_unfinished(partial, &Counters::given_up);
}

void Reassembler::release(Partial& partial) {
  memory_ -= partial.payload.capacity();
  partial.payload.release();
}

void Reassembler::forget(Partial& partial) {
  const auto entry = streams_.find(partial.stream);
  (partial.refused ? refused_ : active_).erase(entry->second);
  streams_.erase(entry);
}

// Few half messages have fragments in a pipe at the same time.
std::uint64_t Reassembler::needed_from() const {
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (const Partial& partial : active_) {
    if (partial.start >= gone_) first = std::min(first, partial.start);
  }
  return first;
}

void Reassembler::write_half_done(ByteBuffer& out) const {
  for (const Partial& partial : active_) {
    if (partial.payload.empty()) continue;
    Frame frame = to_frame(partial.head.view());
    frame.stream = partial.stream;
    frame.fragment_of = partial.fragment_of;
    frame.total_size = partial.total_size;
    frame.payload = partial.payload.view();
    const std::size_t size = body_size(frame);
    const std::size_t whole = varint_size(size) + size;
    write_body(frame, put_varint(out.spare(whole).data(), size));
    out.add_size(whole);
  }
}

void Reassembler::kept_until(std::uint64_t place) {
  for (Partial& partial : active_) {
    partial.kept = partial.kept || partial.start < place;
    partial.start = std::max(partial.start, place);
  }
}

bool Reassembler::has_kept() const { return std::ranges::any_of(active_, &Partial::kept); }

void Reassembler::expire(std::chrono::nanoseconds now) {
  for (Partials* list : {&refused_, &active_}) {
    while (!list->empty() && now - list->front().heard >= limits_.frame_timeout) {
      give_up(list->front());
      forget(list->front());
    }
  }
}

void Reassembler::give_up_all() {
  for (Partial& partial : active_) give_up(partial);
  active_.clear();
  refused_.clear();
  streams_.clear();
}

}  // namespace fifomq::core
