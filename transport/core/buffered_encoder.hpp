// For encodings that cannot cancel a message once it has begun: the whole of it is put into a
// buffer, so that its rest can still be written when its sender has stopped waiting.
#pragma once

#include <algorithm>

#include "core/byte_buffer.hpp"
#include "core/encoder.hpp"

namespace fifomq::core {

class BufferedEncoder : public Encoder {
 public:
  bool more() const final { return given_ < encoded_.size(); }
  ByteView next_piece() final {
    const ByteView rest = encoded_.view().subspan(given_);
    const ByteView piece = rest.first(std::min(rest.size(), kPieceBytes));
    given_ += piece.size();
    return piece;
  }
  Remainder abandon() final {
    return {.bytes = encoded_.view().subspan(given_), .completes = true};
  }

 protected:
  // Empty, for the next message.
  ByteBuffer& start() {
    given_ = 0;
    encoded_.clear();
    return encoded_;
  }

 private:
  ByteBuffer encoded_;
  std::size_t given_ = 0;  // in pieces so far
};

}  // namespace fifomq::core
