#include "core/frame_decoder.hpp"

#include <cstring>

#include "core/guess_framing.hpp"
#include "core/varint.hpp"

namespace fifomq::core {
namespace {

// A length of up to 2^35: longer ones are over any limit.
constexpr std::size_t kMaxLengthBytes = 5;
constexpr std::size_t kShortestFrame = 1 + kFrameBeginning.size();

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

}  // namespace

FrameDecoder::FrameDecoder(const DecoderLimits& limits, Notice notice)
    : Decoder(limits.frame_timeout),
      limits_(limits),
      notice_(std::move(notice)),
      reassembler_(limits, counters_) {}

bool FrameDecoder::next(MessageView& message) {
  bool found = false;
  while (in_step_ ? next_in_step(message, found) : hunt()) {
  }
  if (!found && finished_) reassembler_.give_up_all();
  return found;
}

// False when there is nothing more to do: a message was found, or more bytes are needed.
bool FrameDecoder::next_in_step(MessageView& message, bool& found) {
  if (unread().empty()) return false;
  Frame frame;
  const Candidate head = examine(0, frame, unknown_);
  switch (head.verdict) {
    case Verdict::incomplete:
      if (!hopeless(0, head)) return false;
      lose_step(head);
      return true;
    case Verdict::broken:
    case Verdict::too_large:
      lose_step(head);
      return true;
    case Verdict::whole:
      break;
  }
  if (!head.checked) {
    // Nothing but its structure speaks for this frame. A torn one that has swallowed the next one
    // looks the same, so a whole frame inside it wins.
    const Inside inside = look_inside(0, head);
    if (inside == Inside::whole_frame) {
      lose_step(head);
      return true;
    }
    if (inside == Inside::undecided && !silent() && !finished_) return false;
  }
  found = take(head, frame, message);
  return !found;
}

FrameDecoder::Candidate FrameDecoder::examine(std::size_t start, Frame& frame,
                                              std::string& unknown) const {
  const ByteView rest = unread().subspan(start);
  ByteView body = rest;
  std::uint64_t size = 0;
  const TakeStatus status = take_varint(body, size);
  if (status == TakeStatus::incomplete && rest.size() < kMaxVarintBytes) {
    return {.verdict = Verdict::incomplete};
  }
  const std::size_t length_bytes = rest.size() - body.size();
  if (status != TakeStatus::taken || length_bytes != varint_size(size)) return {};

  const std::size_t visible = std::min(body.size(), kFrameBeginning.size());
  if (size < kFrameBeginning.size() ||
      as_text(body.first(visible)) != kFrameBeginning.substr(0, visible)) {
    return {};
  }
  Candidate candidate{.verdict = Verdict::incomplete,
                      .size = length_bytes + size,
                      .beginning = length_bytes,
                      .began = visible == kFrameBeginning.size()};
  if (!candidate.began) return candidate;
  if (size > limits_.max_message + kMaxHeaderBytes) {
    candidate.verdict = Verdict::too_large;
    return candidate;
  }
  // Second field, or none: its tag tells before the rest is here.
  constexpr std::byte kCheckTag{0x15};
  candidate.checked = body.size() == visible || body[visible] == kCheckTag;
  switch (parse_body(body.first(std::min<std::size_t>(body.size(), size)), size, frame, unknown)) {
    case ParseStatus::parsed:
      candidate.verdict = Verdict::whole;
      candidate.checked = frame.checked;
      break;
    case ParseStatus::incomplete:
      break;
    case ParseStatus::invalid:
    case ParseStatus::wrong_check:
      candidate.verdict = Verdict::broken;
  }
  return candidate;
}

std::size_t FrameDecoder::find_beginning(std::size_t from) const {
  const ByteView bytes = unread();
  if (from >= bytes.size()) return kNowhere;
  const void* found = memmem(bytes.data() + from, bytes.size() - from, kFrameBeginning.data(),
                             kFrameBeginning.size());
  if (found == nullptr) return kNowhere;
  return static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
}

// Whether a frame begins inside the one that starts there: one that is whole, or one that may
// become so.
FrameDecoder::Inside FrameDecoder::look_inside(std::size_t start, const Candidate& outer) {
  const std::size_t inside = start + outer.beginning + kFrameBeginning.size();
  const std::size_t end = start + outer.size;
  Frame frame;
  std::size_t undecided = kNowhere;
  const auto remember = [&] {
    const std::size_t size = unread().size();
    inside_searched_ =
        undecided != kNowhere ? undecided : size - std::min(size, kFrameBeginning.size() - 1);
    return undecided != kNowhere ? Inside::undecided : Inside::nothing;
  };
  std::size_t beginning = find_beginning(std::max(inside, inside_searched_));
  for (; beginning < end + kMaxLengthBytes; beginning = find_beginning(beginning + 1)) {
    for (std::size_t length = 1; length <= kMaxLengthBytes; ++length) {
      const std::size_t inner = beginning - length;
      if (inner < inside) break;
      const Verdict verdict = examine(inner, frame, scratch_unknown_).verdict;
      if (inner >= end) {
        // The frame behind this one, in its place: nothing of it is inside.
        if (verdict == Verdict::whole || verdict == Verdict::incomplete) return remember();
        continue;
      }
      if (verdict == Verdict::whole) return Inside::whole_frame;
      if (verdict == Verdict::incomplete && undecided == kNowhere) undecided = beginning;
    }
  }
  return remember();
}

// Whether an incomplete frame will never be complete.
bool FrameDecoder::hopeless(std::size_t start, const Candidate& candidate) {
  if (finished_ || silent()) return true;
  const std::uint64_t beginning = position() + start + candidate.beginning;
  if (std::exchange(awaited_, beginning) != beginning) {
    awaited_since_ = empty_clock();
    inside_searched_ = 0;
  }
  const bool overruled = candidate.began && (!candidate.checked || aged());
  return overruled && look_inside(start, candidate) == Inside::whole_frame;
}

bool FrameDecoder::take(const Candidate& head, const Frame& frame, MessageView& message) {
  bool complete = true;
  if (frame.is_fragment()) {
    use(head.size);
    complete = reassembler_.add(frame, head.size, empty_clock(), message);
  } else {
    ++counters_.messages_received;
    if (frame.payload.size() > limits_.max_message) {
      ++counters_.too_large;
      skip(head.size);
      complete = false;
    } else {
      counters_.bytes_in_messages += head.size;
      use(head.size);
      message = to_message(frame);
    }
  }
  inside_searched_ = 0;
  if (!complete) return false;
  ++counters_.messages_delivered;
  counters_.sequence_gaps += writers_.missing_before(*message.origin);
  return true;
}

// Each beginning is judged and counted once, however often it is looked at.
bool FrameDecoder::first_look_at(std::size_t beginning) {
  const std::uint64_t place = position() + beginning;
  return std::exchange(judged_, place) != place;
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
  least_start_ = 1;
  searched_ = 0;
  inside_searched_ = 0;
}

// Out of step: looks for the next place where a whole frame stands. False when more bytes are
// needed.
bool FrameDecoder::hunt() {
  while (true) {
    const std::size_t beginning = find_beginning(searched_);
    if (beginning == kNowhere) {
      drop_hopeless_tail();
      return false;
    }
    bool undecided = false;
    if (hunt_at(beginning, undecided)) return true;
    if (undecided) {
      searched_ = beginning;
      return false;
    }
    if (first_look_at(beginning)) ++counters_.frames_damaged;
    searched_ = beginning + 1;
  }
}

// The length in front of a beginning has no mark where it starts, so every way to read it is tried.
// A frame with a right checksum wins at once; one without waits until no other way is open any
// more, and then the longest wins: the front of a frame, up to the end of any field, has the
// structure of a frame too.
bool FrameDecoder::hunt_at(std::size_t beginning, bool& undecided) {
  Frame frame;
  Candidate open;
  std::size_t open_start = 0;
  std::size_t unchecked = kNowhere;
  for (std::size_t length = 1; length <= kMaxLengthBytes; ++length) {
    if (length + least_start_ > beginning) break;
    const std::size_t start = beginning - length;
    const Candidate candidate = examine(start, frame, scratch_unknown_);
    if (candidate.verdict == Verdict::whole) {
      unchecked = start;
      if (candidate.checked) return step_to(start);
    }
    if (candidate.verdict == Verdict::incomplete && open.verdict != Verdict::incomplete) {
      open = candidate;
      open_start = start;
    }
  }
  undecided = open.verdict == Verdict::incomplete && !hopeless(open_start, open);
  return !undecided && unchecked != kNowhere && step_to(unchecked);
}

bool FrameDecoder::step_to(std::size_t start) {
  skip_to(start);
  in_step_ = true;
  return true;
}

void FrameDecoder::skip_to(std::size_t start) {
  skip(start);
  least_start_ = 0;
  searched_ -= std::min(searched_, start);
  inside_searched_ -= std::min(inside_searched_, start);
}

// Nothing begins in the unread bytes; but the last of them may be the front of a frame, a length
// and part of its beginning.
void FrameDecoder::drop_hopeless_tail() {
  const std::size_t size = unread().size();
  const std::size_t kept =
      finished_ || silent() ? 0 : std::min(size, kMaxLengthBytes + kFrameBeginning.size() - 1);
  if (size > kept) skip_to(size - kept);
  searched_ = kept - std::min(kept, kFrameBeginning.size() - 1);
}

std::uint64_t FrameDecoder::wanted(std::uint64_t messages) const {
  std::uint64_t first = 1;
  if (in_step_ && unread().empty()) {
    first = kShortestFrame;
  } else if (in_step_) {
    Frame frame;
    std::string unknown;
    const Candidate head = examine(0, frame, unknown);
    if (head.size > unread().size()) first = head.size - unread().size();
  }
  return first + (messages - 1) * kShortestFrame;
}

bool FrameDecoder::waiting() const { return !unread().empty() || reassembler_.waiting(); }

void FrameDecoder::on_bytes() { last_bytes_ = empty_clock(); }

void FrameDecoder::on_empty() { reassembler_.expire(empty_clock()); }

void FrameDecoder::finish() { finished_ = true; }

}  // namespace fifomq::core
