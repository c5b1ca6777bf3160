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
  while (in_step_ || hunt()) {
    if (!next_in_step(message, found)) break;
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
      if (!hopeless(head)) return false;
      lose_step(head);
      return true;
    case Verdict::broken:
      lose_step(head);
      return true;
    case Verdict::too_large:
      ++counters_.messages_received;
      ++counters_.too_large;
      lose_step(head);
      return true;
    case Verdict::whole:
      break;
  }
  if (!head.checked) {
    // Nothing but its structure speaks for this frame. A torn one that has swallowed the next one
    // looks the same, so a whole frame inside it wins.
    const Inside inside = look_inside(head);
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
  if (status == TakeStatus::incomplete && rest.size() < kMaxLengthBytes) {
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
                      .payload = length_bytes + kFrameBeginning.size(),
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

// Whether a frame begins inside the frame at the head: one that is whole, or one that may become
// so.
FrameDecoder::Inside FrameDecoder::look_inside(const Candidate& outer) {
  Frame frame;
  std::size_t undecided = kNowhere;
  const auto remember = [&](std::size_t from) {
    const std::size_t size = unread().size();
    searched_ = from != kNowhere ? from : size - std::min(size, kFrameBeginning.size() - 1);
    return from != kNowhere ? Inside::undecided : Inside::nothing;
  };
  std::size_t beginning = find_beginning(std::max(outer.payload, searched_));
  for (; beginning < outer.size + kMaxLengthBytes; beginning = find_beginning(beginning + 1)) {
    for (std::size_t length = 1; length <= kMaxLengthBytes; ++length) {
      const std::size_t start = beginning - length;
      if (start < outer.payload) break;
      const Verdict verdict = examine(start, frame, scratch_unknown_).verdict;
      if (start >= outer.size) {
        // The frame behind this one, in its place: nothing of it is inside.
        if (verdict == Verdict::whole || verdict == Verdict::incomplete) return remember(undecided);
        continue;
      }
      if (verdict == Verdict::whole) return Inside::whole_frame;
      if (verdict == Verdict::incomplete && undecided == kNowhere) undecided = beginning;
    }
  }
  return remember(undecided);
}

// Whether the incomplete frame at the head will never be complete.
bool FrameDecoder::hopeless(const Candidate& head) {
  if (finished_ || silent()) return true;
  const bool overruled = head.began && (!head.checked || aged());
  return overruled && look_inside(head) == Inside::whole_frame;
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
  searched_ = 0;
  head_since_ = empty_clock();
  if (!complete) return false;
  ++counters_.messages_delivered;
  counters_.sequence_gaps += writers_.missing_before(*message.origin);
  return true;
}

void FrameDecoder::lose_step(const Candidate& head) {
  if (head.began && head.verdict != Verdict::too_large) ++counters_.frames_damaged;
  if (notice_ && head.verdict != Verdict::too_large) {
    std::exchange(notice_, {})(describe_foreign_stream(unread(), head.began));
  }
  skip(1);
  in_step_ = false;
  searched_ = 0;
  head_since_ = empty_clock();
}

// Out of step: looks for the next place where a frame is, or may be. True when it stands there.
bool FrameDecoder::hunt() {
  while (true) {
    const std::size_t beginning = find_beginning(searched_);
    if (beginning == kNowhere) break;
    bool undecided = false;
    if (hunt_at(beginning, undecided)) return true;
    if (undecided) return false;
    searched_ = beginning + 1;
  }
  // The last bytes may be the front of a frame: a length and part of the beginning.
  const std::size_t size = unread().size();
  const std::size_t kept =
      finished_ || silent() ? 0 : std::min(size, kMaxLengthBytes + kFrameBeginning.size() - 1);
  skip(size - kept);
  searched_ = kept - std::min(kept, kFrameBeginning.size() - 1);
  return false;
}

// The length in front of a beginning has no mark where it starts: every way to read it is tried,
// the shortest first. One way that gives a whole frame wins. Undecided: there are several ways to
// go on, and a few more bytes will tell.
bool FrameDecoder::hunt_at(std::size_t beginning, bool& undecided) {
  Frame frame;
  std::size_t open = kNowhere;
  int ways = 0;
  bool too_large = false;
  for (std::size_t length = 1; length <= std::min(kMaxLengthBytes, beginning); ++length) {
    const Verdict verdict = examine(beginning - length, frame, scratch_unknown_).verdict;
    if (verdict == Verdict::whole) {
      step_to(beginning - length);
      return true;
    }
    too_large |= verdict == Verdict::too_large;
    if (verdict == Verdict::incomplete && ways++ == 0) open = beginning - length;
  }
  if (ways == 0 && too_large) {
    ++counters_.messages_received;
    ++counters_.too_large;
  }
  undecided = ways > 1 && !finished_ && !silent();
  if (ways == 0 || undecided) return false;
  step_to(open);
  return true;
}

void FrameDecoder::step_to(std::size_t start) {
  skip(start);
  in_step_ = true;
  searched_ = 0;
  head_since_ = empty_clock();
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
