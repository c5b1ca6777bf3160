#include "batch.hpp"

#include <utility>

namespace fifomq::zeromq {
namespace {

// A batch that fills no more than this part of its memory is copied.
constexpr std::size_t kCopiedPart = 4;

}  // namespace

Batch::Fit Batch::append(const core::FrameBody& body, std::string_view topic) {
  const std::size_t size = body.delimited_size();
  if (size > capacity_) return Fit::never;
  if (empty()) {
    if (topics_ == Topics::one) topic_ = topic;
  } else if (size_ + size > capacity_ || (topics_ == Topics::one && topic != topic_)) {
    return Fit::not_now;
  }
  body.write_delimited(in_flight_.draft(capacity_) + size_);
  size_ += size;
  ++messages_;
  return Fit::appended;
}

// Where little comes at a time, many small batches may wait, and must not keep a large one's memory
// each.
Batch::Finished Batch::finish(zmq::message_t& message) {
  const std::size_t size = std::exchange(size_, 0);
  const std::uint64_t messages = std::exchange(messages_, 0);
  if (size <= capacity_ / kCopiedPart) {
    in_flight_.finish_draft_copied(message, size, messages);
    return {size, size + InFlight::kHeadBytes};
  }
  in_flight_.finish_draft(message, size, messages);
  return {size, capacity_ + InFlight::kHeadBytes};
}

}  // namespace fifomq::zeromq
