// What a sender has accepted and no server has acknowledged yet, and what is to be published next.
//
// Each message names the one before it (Nats-Expected-Last-Msg-Id): the server stores it directly
// behind that one or not at all. So when one is lost on its way or refused, so are all behind it,
// and all of them are published again, from the oldest on (go-back-N): order is kept whatever
// happens. The oldest one names none: others may have sent to the stream meanwhile. What had been
// stored already, the server knows by its id.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "publication.hpp"

namespace fifomq::jetstream {

class PublishWindow {
 public:
  struct Next {
    const Publication* what;
    std::uint64_t number;      // 1, 2, 3 ... in the order of push()
    const Publication* after;  // only directly behind this one; may be null
  };

  explicit PublishWindow(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  // One message always has room.
  bool has_room(std::uint64_t bytes) const {
    return settled_ == pushed_ || bytes_ + bytes <= most_bytes_;
  }
  // Puts it behind the one before, up to `most_in_one` bytes together, where that one has not been
  // published yet.
  void push(Publication one, std::uint64_t most_in_one);

  // These count messages.
  std::uint64_t pushed() const { return messages_pushed_; }
  // The first so many are acknowledged.
  std::uint64_t settled() const { return messages_settled_; }
  std::uint64_t in_flight() const { return messages_pushed_ - messages_settled_; }

  // Published and not acknowledged: so many NATS messages.
  std::uint64_t on_the_way() const { return next_ > settled_ ? next_ - settled_ - 1 : 0; }

  bool has_next() const {
    if (next_ > (probes_ ? settled_ + 1 : pushed_) || settled_ == pushed_) return false;
    return next_ < pushed_ || !gathers();
  }
  // The next one to publish, or nothing. Both stay as they are, where they are, until
  // forget_settled().
  std::optional<Next> next();
  // Which time this is that they are published: an answer to an earlier one says nothing any more,
  // unless it is an acknowledgement.
  std::uint64_t attempt() const { return attempt_; }

  // False when it was known.
  bool acknowledge(std::uint64_t number);
  // All that is not acknowledged is published again; as long as `probes`, the oldest one alone.
  void go_back(bool probes);

  // Frees what is acknowledged.
  void forget_settled();

 private:
  struct Entry {
    Publication what;
    bool was_published = false;
    bool is_acknowledged = false;
  };

  Entry& at(std::uint64_t number) { return entries_[number - first_]; }
  // The last one may still grow, and the server is busy anyway.
  bool gathers() const {
    constexpr std::uint64_t kBusy = 2;
    return !entries_.empty() && !entries_.back().was_published && entries_.back().what.length > 0 &&
           on_the_way() >= kBusy;
  }

  const std::uint64_t most_bytes_;
  std::deque<Entry> entries_;
  std::uint64_t first_ = 1;  // number of the first entry
  std::uint64_t pushed_ = 0;
  std::uint64_t settled_ = 0;
  std::uint64_t messages_pushed_ = 0;
  std::uint64_t messages_settled_ = 0;
  std::uint64_t bytes_ = 0;  // of what is not acknowledged
  std::uint64_t next_ = 1;
  std::uint64_t attempt_ = 0;
  bool probes_ = false;
};

}  // namespace fifomq::jetstream
