#include "core/frame_encoder.hpp"

#include <algorithm>
#include <utility>

#include "core/varint.hpp"

namespace fifomq::core {
namespace {

static_assert(kMaxHeaderBytes < kPieceBytes, "all but the payload fits into the first fragment");

// The length in front of a frame within one piece, and the tag and length of its payload.
constexpr std::size_t kLengthBytes = varint_size(kPieceBytes);
constexpr std::size_t kPayloadHead = 1 + varint_size(kPieceBytes);

bool fits_one_piece(const Frame& frame) {
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

ByteView FrameEncoder::next_piece() {
  if (through_) return {};
  if (frame_.is_fragment()) return next_fragment();
  through_ = true;
  return piece(frame_);
}

ByteView FrameEncoder::next_fragment() {
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
  return piece(fragment);
}

ByteView FrameEncoder::piece(const Frame& frame) {
  const std::size_t size = body_size(frame);
  std::byte* const body = put_varint(page_.data(), size);
  write_body(frame, {body, size});
  return {page_.data(), body + size};
}

Remainder FrameEncoder::abandon(bool piece_begun) {
  // The rest of its last piece makes the message whole.
  if (piece_begun && through_) return {.bytes = {}, .completes = true};
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
