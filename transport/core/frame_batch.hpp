// Many frames where one may stand by itself, in a ZeroMQ or NATS message: delimited, as in a pipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <fifomq/message.hpp>

namespace fifomq::core {

// Whether delimited frames stand where one frame alone could: a frame begins with its sync field,
// and in a batch its length comes first.
bool is_batch(ByteView body);
// Takes the next frame out of a batch that has one; nothing when the batch is cut off in it, and
// then it is empty.
std::optional<ByteView> take_from_batch(ByteView& batch);
inline constexpr std::string_view kBatchCutOff = "a batch of frames is cut off";

// The frames of a body, one after another: the one that stands alone, or those of a batch. The body
// belongs to the caller, and outlives this.
class FramesOfBody {
 public:
  FramesOfBody() = default;
  explicit FramesOfBody(ByteView body);

  // What cannot be taken is one.
  std::uint64_t left() const { return left_; }
  // Only when there are some left. As take_from_batch() does.
  std::optional<ByteView> next();

 private:
  ByteView rest_;
  bool is_batch_ = false;
  std::uint64_t left_ = 0;
};

}  // namespace fifomq::core
