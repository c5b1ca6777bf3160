// A message's frame where it stands by itself, and something else says where it ends: in a ZeroMQ
// or NATS message, in a record on the disk. Written, and read.
#pragma once

#include <cstddef>
#include <string>

#include <fifomq/message.hpp>

#include "core/frame.hpp"
#include "core/plain_frame.hpp"
#include "core/varint.hpp"

namespace fifomq::core {

// The frame of a message that has an origin and outlives this: its size first, then its bytes.
class FrameBody {
 public:
  explicit FrameBody(const MessageView& message)
      : message_(message),
        plain_(plain_body_size(message, *message.origin)),
        size_(plain_ > 0 ? plain_ : body_size(to_frame(message))) {}

  std::size_t size() const { return size_; }
  // Returns the end.
  std::byte* write(std::byte* out) const {
    return plain_ > 0 ? write_plain_body(message_, *message_.origin, out)
                      : write_body(to_frame(message_), out);
  }

  // The same with its length in front, as in a pipe.
  std::size_t delimited_size() const { return varint_size(size_) + size_; }
  std::byte* write_delimited(std::byte* out) const { return write(put_varint(out, size_)); }

 private:
  const MessageView& message_;
  const std::size_t plain_;  // bytes; 0 for a message that goes the longer way
  const std::size_t size_;
};

// Anything but `parsed` when it is no whole frame of a whole message. The views point into `body`
// and `unknown`.
ParseStatus read_frame_body(ByteView body, MessageView& message, std::string& unknown);
// The same; a frame without a checksum is `invalid`.
ParseStatus read_checked_body(ByteView body, MessageView& message, std::string& unknown);

}  // namespace fifomq::core
