// For encodings that cannot cancel a message once it has begun: the whole of it is put into a
// buffer, so that its rest can still be written when its sender has stopped waiting.
#pragma once

#include <algorithm>

#include "core/byte_buffer.hpp"
#include "core/encoder.hpp"

namespace fifomq::core {

class BufferedEncoder : public Encoder {
 public:
  ByteView next_piece() final {
    const ByteView rest = encoded_.view().subspan(given_);
    const ByteView piece = rest.first(std::min(rest.size(), kPieceBytes));
    given_ += piece.size();
    last_piece_ = piece.size();
    return piece;
  }
  Remainder abandon(bool piece_begun) final {
    const std::size_t gone = piece_begun ? given_ : given_ - last_piece_;
    return {.bytes = encoded_.view().subspan(gone), .completes = true};
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
  std::size_t given_ = 0;       // in pieces so far
  std::size_t last_piece_ = 0;  // of these, in the last one
};

}  // namespace fifomq::core
