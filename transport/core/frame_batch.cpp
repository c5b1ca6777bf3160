#include "core/frame_batch.hpp"

#include "core/frame.hpp"
#include "core/varint.hpp"

namespace fifomq::core {

bool is_batch(ByteView body) {
  std::uint64_t size = 0;
  return !as_text(body).starts_with(kFrameBeginning) &&
         take_varint(body, size) == TakeStatus::taken && as_text(body).starts_with(kFrameBeginning);
}

std::optional<ByteView> take_from_batch(ByteView& batch) {
  std::uint64_t size = 0;
  if (take_varint(batch, size) != TakeStatus::taken || size > batch.size()) {
    batch = {};
    return std::nullopt;
  }
  const ByteView body = batch.first(size);
  batch = batch.subspan(size);
  return body;
}

FramesOfBody::FramesOfBody(ByteView body) : rest_(body), is_batch_(is_batch(body)) {
  if (!is_batch_) {
    left_ = 1;
    return;
  }
  while (!body.empty()) {
    take_from_batch(body);
    ++left_;
  }
}

std::optional<ByteView> FramesOfBody::next() {
  --left_;
  return is_batch_ ? take_from_batch(rest_) : rest_;
}

}  // namespace fifomq::core
