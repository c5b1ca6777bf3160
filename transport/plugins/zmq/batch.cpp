#include "batch.hpp"

#include <utility>

#include "core/frame.hpp"
#include "core/plain_frame.hpp"
#include "core/varint.hpp"

namespace fifomq::zeromq {

bool is_batch(ByteView body) {
  std::uint64_t size = 0;
  return !as_text(body).starts_with(core::kFrameBeginning) &&
         core::take_varint(body, size) == core::TakeStatus::taken &&
         as_text(body).starts_with(core::kFrameBeginning);
}

Batch::Fit Batch::append(const MessageView& message) {
  const std::size_t plain = core::plain_body_size(message, *message.origin);
  const std::size_t body = plain > 0 ? plain : core::body_size(core::to_frame(message));
  const std::size_t size = core::varint_size(body) + body;
  if (size > capacity_) return Fit::never;
  if (empty()) {
    topic_ = message.topic;
  } else if (size_ + size > capacity_ || message.topic != topic_) {
    return Fit::not_now;
  }
  std::byte* const at = core::put_varint(in_flight_.draft(capacity_) + size_, body);
  if (plain > 0) {
    core::write_plain_body(message, *message.origin, at);
  } else {
    core::write_body(core::to_frame(message), at);
  }
  size_ += size;
  ++messages_;
  return Fit::appended;
}

std::size_t Batch::finish(zmq::message_t& message) {
  in_flight_.finish_draft(message, size_, messages_);
  messages_ = 0;
  return std::exchange(size_, 0);
}

}  // namespace fifomq::zeromq
