#include "core/frame_decoder.hpp"

#include <algorithm>
#include <utility>

#include "core/guess_framing.hpp"
#include "core/plain_frame.hpp"

namespace fifomq::core {
namespace {

constexpr std::size_t kShortestFrame = 1 + kFrameBeginning.size();

}  // namespace

FrameDecoder::FrameDecoder(const DecoderLimits& limits, Notice notice)
    : Decoder(limits.frame_timeout),
      limits_(limits),
      notice_(notice),
      gap_notice_(std::move(notice)),
      scanner_(limits.max_message),
      reassembler_(limits, counters_) {}

bool FrameDecoder::next(MessageView& message) {
  if (in_step_ && next_plain(message)) return true;
  scanner_.set_window(unread(), position());
  bool found = false;
  while (in_step_ ? next_in_step(message, found) : hunt()) {
  }
  if (!found && ended()) reassembler_.give_up_all();
  return found;
}

// What next_in_step() would do with most frames. Anything unusual is left to it.
bool FrameDecoder::next_plain(MessageView& message) {
  const std::size_t size = read_plain_frame(unread(), message);
  if (size == 0 || message.payload.size() > limits_.max_message) return false;
  counters_.uncommittable += position() < gone() ? 1 : 0;
  use(size);
  head_end_ = position();
  ++counters_.messages_received;
  ++counters_.messages_delivered;
  counters_.bytes_in_messages += size;
  count_missing(*message.origin);
  return true;
}

void FrameDecoder::count_missing(const Origin& origin) {
  const std::uint64_t missing = writers_.missing_before(origin);
  if (missing == 0) return;
  counters_.sequence_gaps += missing;
  // What was dropped here is missing too, and needs no other cause; but a writer that goes on did
  // not leave a message half done.
  const std::uint64_t known = counters_.dropped() - counters_.given_up;
  if (!gap_notice_ || counters_.sequence_gaps <= known) return;
  std::exchange(gap_notice_, {})(
      "messages are missing in a writer's numbering: if no relay before this one has dropped them, "
      "another process is likely to read here too and to take bytes away");
}

// False when there is nothing more to do: a message was found, or more bytes are needed.
bool FrameDecoder::next_in_step(MessageView& message, bool& found) {
  if (unread().empty()) return false;
  Frame frame;
  const Candidate head = scanner_.examine(position(), frame, unknown_);
  head_end_ = head.end();
  if (head.verdict == Verdict::incomplete && !hopeless(head)) return false;
  if (head.verdict != Verdict::whole) {
    lose_step(head);
    return true;
  }
  if (!head.checked) {
    const Inside inside = look_inside(head);
    if (inside == Inside::undecided) return false;
    if (inside == Inside::whole_frame) {
      lose_step(head);
      return true;
    }
  }
  found = take(head, frame, message);
  return !found;
}

FrameDecoder::Inside FrameDecoder::look_inside(const Candidate& outer) {
  using enum NestedFrames::Patience;
  return nested_.look(scanner_, outer, silent() ? none : nothing_follows() ? for_begun : full);
}

// Whether an incomplete frame will never be complete.
bool FrameDecoder::hopeless(const Candidate& candidate) {
  if (silent()) return true;
  if (std::exchange(awaited_, candidate.beginning) != candidate.beginning) {
    awaited_since_ = empty_clock();
  }
  const bool overruled = candidate.began && (!candidate.checked || aged());
  return overruled && look_inside(candidate) == Inside::whole_frame;
}

bool FrameDecoder::take(const Candidate& head, const Frame& frame, MessageView& message) {
  bool complete = true;
  const bool gone_before = position() < gone();
  if (frame.is_fragment()) {
    // Where it finds no memory, the fragment has not been used up.
    complete = reassembler_.add(
        frame, {.wire_bytes = head.size, .position = head.end(), .time = empty_clock()}, message);
    use(head.size);
  } else {
    use(head.size);
    ++counters_.messages_received;
    if (frame.payload.size() > limits_.max_message) {
      ++counters_.too_large;
      counters_.bytes_skipped += head.size;
      complete = false;
    } else {
      counters_.bytes_in_messages += head.size;
      counters_.uncommittable += gone_before ? 1 : 0;
      message = to_message(frame);
    }
  }
  if (!complete) return false;
  ++counters_.messages_delivered;
  count_missing(*message.origin);
  return true;
}

// Each beginning is judged and counted once, however often it is looked at.
bool FrameDecoder::first_look_at(std::uint64_t beginning) {
  return std::exchange(judged_, beginning) != beginning;
}

// What stands at the head is no frame. From the byte behind its start, the next one is searched.
void FrameDecoder::lose_step(const Candidate& head) {
  const bool too_large = head.verdict == Verdict::too_large;
  if (head.began && first_look_at(head.beginning)) {
    ++(too_large ? counters_.too_large : counters_.frames_damaged);
    if (too_large) ++counters_.messages_received;
  }
  if (notice_ && !too_large) {
    std::exchange(notice_, {})(describe_foreign_stream(unread(), head.began));
  }
  in_step_ = false;
  least_start_ = position() + 1;
  searched_ = position();
}

// Out of step: looks for the next place where a whole frame stands. False when more bytes are
// needed.
bool FrameDecoder::hunt() {
  while (true) {
    const auto beginning = scanner_.find_beginning(searched_);
    if (!beginning) {
      drop_hopeless_tail();
      return false;
    }
    bool undecided = false;
    searched_ = *beginning;
    if (hunt_at(*beginning, undecided)) return true;
    if (undecided) return false;
    if (first_look_at(*beginning)) ++counters_.frames_damaged;
    ++searched_;
  }
}

// The length in front of a beginning has no mark where it starts, so every way to read it is tried.
// A frame with a right checksum wins at once; one without waits until no other way is open any
// more, and then the longest wins: the front of a frame, up to the end of any field, has the
// structure of a frame too.
bool FrameDecoder::hunt_at(std::uint64_t beginning, bool& undecided) {
  const std::uint64_t least = std::max(least_start_, position());
  Candidate open;
  std::uint64_t unchecked = kNone;
  for (std::uint64_t length = 1; length <= kMaxLengthBytes && beginning >= least + length;
       ++length) {
    const Candidate candidate = scanner_.examine(beginning - length);
    if (candidate.stands_alone()) {
      unchecked = candidate.start;
      if (candidate.checked) return step_to(candidate.start);
    }
    if (candidate.verdict == Verdict::incomplete && open.verdict != Verdict::incomplete) {
      open = candidate;
    }
  }
  undecided = open.verdict == Verdict::incomplete && !hopeless(open);
  return !undecided && unchecked != kNone && step_to(unchecked);
}

bool FrameDecoder::step_to(std::uint64_t start) {
  skip(start - position());
  in_step_ = true;
  return true;
}

// Nothing begins in the unread bytes; but the last of them may be the front of a frame, a length
// and part of its beginning.
void FrameDecoder::drop_hopeless_tail() {
  const std::size_t size = unread().size();
  const std::size_t kept =
      silent() ? 0 : std::min(size, kMaxLengthBytes + kFrameBeginning.size() - 1);
  skip(size - kept);
  searched_ = scanner_.end() - std::min(kept, kFrameBeginning.size() - 1);
}

std::uint64_t FrameDecoder::needed_from() const {
  return std::min(position(), reassembler_.needed_from());
}

void FrameDecoder::gone_until(std::uint64_t place) {
  Decoder::gone_until(place);
  reassembler_.gone_until(place);
}

void FrameDecoder::write_half_done(ByteBuffer& out) const {
  reassembler_.write_half_done(out);
  out.append(unread());
}

void FrameDecoder::kept_until(std::uint64_t place) {
  kept_ = place;
  reassembler_.kept_until(place);
}

bool FrameDecoder::has_kept() const {
  return reassembler_.has_kept() || (!unread().empty() && position() < kept_);
}

std::uint64_t FrameDecoder::wanted(std::uint64_t messages) const {
  std::uint64_t first = 1;
  if (in_step_ && unread().empty()) {
    first = kShortestFrame;
  } else if (in_step_ && head_end_ > position() + unread().size()) {
    first = head_end_ - position() - unread().size();
  }
  return first + (messages - 1) * kShortestFrame;
}

bool FrameDecoder::waiting() const { return !unread().empty() || reassembler_.waiting(); }

void FrameDecoder::on_empty() { reassembler_.expire(empty_clock()); }

Held FrameDecoder::held() const { return reassembler_.held(); }

}  // namespace fifomq::core
