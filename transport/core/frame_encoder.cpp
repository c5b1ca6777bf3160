#include "core/frame_encoder.hpp"

#include <algorithm>
#include <utility>

#include "core/plain_frame.hpp"
#include "core/varint.hpp"

namespace fifomq::core {
namespace {

static_assert(kMaxHeaderBytes < kPieceBytes, "all but the payload fits into the first fragment");

// The length in front of a frame within one piece, and the tag and length of its payload.
constexpr std::size_t kLengthBytes = varint_size(kPieceBytes);
constexpr std::size_t kPayloadHead = 1 + varint_size(kPieceBytes);

// More than all that a whole message's frame has beside its strings and its payload.
constexpr std::size_t kMostOverhead = 64;

bool fits_one_piece(const Frame& frame) {
  const std::size_t content =
      frame.topic.size() + frame.type.size() + frame.unknown_fields.size() + frame.payload.size();
  if (content + kMostOverhead + kLengthBytes <= kPieceBytes) return true;
  const std::size_t size = body_size(frame);
  return varint_size(size) + size <= kPieceBytes;
}

}  // namespace

FrameEncoder::FrameEncoder() : stream_(random_id32()) {}

bool FrameEncoder::begin(const MessageView& message) {
  refusal_ = core::refusal(message);
  if (refusal_ != nullptr) return false;
  frame_ = to_frame(message);
  stamped_ = !message.origin;
  if (stamped_) {
    const Origin origin = stamp_.next();
    frame_.writer = origin.writer;
    frame_.sequence = origin.sequence;
  }
  sent_ = 0;
  through_ = false;
  if (!fits_one_piece(frame_)) {
    frame_.stream = stream_;
    frame_.fragment_of = ++fragmented_;
    frame_.total_size = message.payload.size();
  }
  return true;
}

std::size_t FrameEncoder::put_whole(const MessageView& message, std::span<std::byte> room) {
  const std::size_t most = message.payload.size() + kMostOverhead + kLengthBytes;
  if (most > room.size()) return 0;
  if (message.origin) return write_plain_frame(message, *message.origin, room.data());
  const std::size_t size = write_plain_frame(message, stamp_.peek(), room.data());
  if (size > 0) stamp_.next();
  return size;
}

ByteView FrameEncoder::next_piece() {
  if (through_) return {};
  if (frame_.is_fragment()) return piece(take_fragment());
  through_ = true;
  return piece(frame_);
}

// With as much of the payload, its length takes two bytes for certain.
bool FrameEncoder::fills_page() const {
  return !through_ && frame_.is_fragment() && frame_.payload.size() - sent_ >= kPieceBytes;
}

std::size_t FrameEncoder::fill_page(std::byte* page) {
  std::byte* const body = page + kLengthBytes;
  const std::byte* const end = write_body(take_fragment(), body);
  put_varint(page, static_cast<std::size_t>(end - body));
  return static_cast<std::size_t>(end - page);
}

Frame FrameEncoder::take_fragment() {
  Frame fragment = frame_;
  if (sent_ > 0) {
    // Only what finds its message again.
    fragment = {.stream = frame_.stream,
                .fragment_of = frame_.fragment_of,
                .total_size = frame_.total_size,
                .offset = sent_};
  }
  fragment.payload = {};
  const std::size_t room = kPieceBytes - kLengthBytes - body_size(fragment) - kPayloadHead;
  fragment.payload = frame_.payload.subspan(sent_, std::min(room, frame_.payload.size() - sent_));
  sent_ += fragment.payload.size();
  through_ = sent_ == frame_.payload.size();
  return fragment;
}

// The length is known last and stands right in front.
ByteView FrameEncoder::piece(const Frame& frame) {
  std::byte* const body = page_.data() + kLengthBytes;
  const std::byte* const end = write_body(frame, body);
  const auto size = static_cast<std::size_t>(end - body);
  std::byte* const start = body - varint_size(size);
  put_varint(start, size);
  return {start, end};
}

Remainder FrameEncoder::abandon() {
  forget();
  return {.bytes = piece({.stream = frame_.stream,
                          .fragment_of = frame_.fragment_of,
                          .total_size = frame_.total_size}),
          .completes = false};
}

void FrameEncoder::forget() {
  through_ = true;
  if (std::exchange(stamped_, false)) stamp_.take_back();
}

void FrameEncoder::renew_identity() {
  stamp_.renew();
  stream_ = random_id32();
  fragmented_ = 0;
}

}  // namespace fifomq::core
