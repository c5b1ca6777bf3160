#include "core/reassembler.hpp"

#include <algorithm>

namespace fifomq::core {
namespace {

// What a stream costs even without a byte of payload: so many streams cannot use up memory either.
constexpr std::size_t kLeastCapacity = 4096;
// A buffer up to this size is kept for the next message; a larger one goes back to the system.
constexpr std::size_t kMostKept = std::size_t{4} << 20;

}  // namespace

bool Reassembler::add(const Frame& fragment, std::size_t wire_bytes, std::chrono::nanoseconds now,
                      MessageView& message) {
  Partial* partial = find_or_begin(fragment);
  if (partial == nullptr) {
    counters_.bytes_skipped += wire_bytes;
    return false;
  }
  partial->heard = now;
  partial->heard_at_byte = counters_.bytes_in;
  if (partial->refused) {
    counters_.bytes_skipped += wire_bytes;
    return false;
  }
  partial->wire_bytes += wire_bytes;
  if (fragment.is_cancel()) {
    drop_unfinished(*partial, &Counters::cancelled);
  } else if (fragment.total_size != partial->total_size ||
             fragment.offset != partial->payload.size()) {
    refuse(*partial, &Counters::given_up);
  } else if (!make_room(*partial, fragment.payload.size())) {
    refuse(*partial, &Counters::over_memory);
  } else {
    append(*partial, fragment);
    if (partial->payload.size() == partial->total_size) {
      complete(*partial, message);
      partials_.erase(fragment.stream);
      return true;
    }
    return false;
  }
  if (fragment.is_cancel()) partials_.erase(fragment.stream);
  return false;
}

// Null when there is nothing to add the fragment to.
Reassembler::Partial* Reassembler::find_or_begin(const Frame& fragment) {
  const auto known = partials_.find(fragment.stream);
  if (known != partials_.end() && known->second.fragment_of == fragment.fragment_of) {
    return &known->second;
  }
  // A cancel for something that is not here any more says nothing new.
  if (fragment.is_cancel()) return nullptr;
  if (known == partials_.end() && partials_.size() >= limits_.reassembly_memory / kLeastCapacity) {
    if (fragment.offset == 0) {
      ++counters_.messages_received;
      ++counters_.over_memory;
    }
    return nullptr;
  }
  Partial& partial = known != partials_.end() ? known->second : partials_[fragment.stream];
  if (partial.fragment_of != 0 && !partial.refused) drop_unfinished(partial, &Counters::given_up);
  begin(partial, fragment);
  return &partial;
}

void Reassembler::begin(Partial& partial, const Frame& fragment) {
  release(partial);
  partial = Partial{};
  partial.fragment_of = fragment.fragment_of;
  partial.total_size = fragment.total_size;
  ++counters_.messages_received;
  if (fragment.total_size > limits_.max_message) {
    refuse(partial, &Counters::too_large);
  } else if (fragment.offset != 0) {
    refuse(partial, &Counters::given_up);  // its beginning was lost
  } else {
    partial.head = Message(MessageView{.payload = {},
                                       .topic = fragment.topic,
                                       .type = fragment.type,
                                       .origin = Origin{fragment.writer, fragment.sequence},
                                       .sent_unix_nanos = fragment.sent_unix_nanos,
                                       .hops = fragment.hops,
                                       .unknown_fields = fragment.unknown_fields});
    const std::size_t kept = finished_.payload.capacity();
    if (kept <= kMostKept && memory_ + kept <= limits_.reassembly_memory) {
      partial.payload = std::exchange(finished_.payload, {});
      partial.payload.clear();
      memory_ += partial.payload.capacity();
    }
  }
}

// Grows in steps, as bytes arrive: total_size is only a claim.
bool Reassembler::make_room(Partial& partial, std::size_t extra) {
  const std::size_t needed = partial.payload.size() + extra;
  const std::size_t before = partial.payload.capacity();
  if (needed <= before) return true;
  const std::size_t capacity = std::max(
      needed, std::min<std::size_t>(partial.total_size, std::max(2 * before, kLeastCapacity)));
  while (memory_ - before + capacity > limits_.reassembly_memory) {
    if (!evict_silent(partial)) return false;
  }
  partial.payload.reserve(capacity);
  memory_ += capacity - before;
  return true;
}

// While the source is never empty, the clock that declares a writer dead stands still. A stream
// that got nothing while as much as a whole message of the largest size went by is dead enough to
// lose its memory.
bool Reassembler::evict_silent(const Partial& asking) {
  for (auto& [stream, partial] : partials_) {
    if (&partial == &asking || partial.payload.capacity() == 0) continue;
    if (counters_.bytes_in - partial.heard_at_byte < limits_.max_message) continue;
    refuse(partial, &Counters::given_up);
    return true;
  }
  return false;
}

void Reassembler::append(Partial& partial, const Frame& fragment) {
  partial.payload.append(fragment.payload);
  if (fragment.offset > 0 && !fragment.unknown_fields.empty()) {
    auto& unknown = partial.head.unknown_fields;
    if (unknown.size() + fragment.unknown_fields.size() <= kMaxUnknownBytes) {
      unknown.insert(unknown.end(), fragment.unknown_fields.begin(), fragment.unknown_fields.end());
    }
  }
}

void Reassembler::complete(Partial& partial, MessageView& message) {
  counters_.bytes_in_messages += partial.wire_bytes;
  memory_ -= partial.payload.capacity();
  finished_ = std::move(partial);
  message = finished_.head.view();
  message.payload = finished_.payload.view();
}

void Reassembler::refuse(Partial& partial, std::uint64_t Counters::*reason) {
  drop_unfinished(partial, reason);
  partial.refused = true;
}

void Reassembler::drop_unfinished(Partial& partial, std::uint64_t Counters::*reason) {
  ++(counters_.*reason);
  counters_.bytes_skipped += partial.wire_bytes;
  partial.wire_bytes = 0;
  release(partial);
}

void Reassembler::release(Partial& partial) {
  memory_ -= partial.payload.capacity();
  partial.payload.release();
}

void Reassembler::expire(std::chrono::nanoseconds now) {
  for (auto entry = partials_.begin(); entry != partials_.end();) {
    Partial& partial = entry->second;
    if (now - partial.heard < limits_.frame_timeout) {
      ++entry;
      continue;
    }
    if (!partial.refused) drop_unfinished(partial, &Counters::given_up);
    entry = partials_.erase(entry);
  }
}

void Reassembler::give_up_all() {
  for (auto& [stream, partial] : partials_) {
    if (!partial.refused) drop_unfinished(partial, &Counters::given_up);
  }
  partials_.clear();
}

}  // namespace fifomq::core
