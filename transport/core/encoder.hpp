// From messages to pieces of a byte stream: what every framing implements. A piece is what one
// write takes.
#pragma once

#include <climits>
#include <cstddef>
#include <span>

#include <fifomq/message.hpp>

namespace fifomq::core {

// A write of at most this many bytes to a pipe is never torn and never mixed with another (POSIX,
// write(2)): no piece is larger.
inline constexpr std::size_t kPieceBytes = PIPE_BUF;

// What abandon() leaves to be written.
struct Remainder {
  ByteView bytes;  // to be written before anything else; valid until the next begin()
  bool completes;  // with these bytes the message is whole after all; otherwise it is cancelled
};

class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  Encoder(Encoder&&) = delete;
  Encoder& operator=(Encoder&&) = delete;
  virtual ~Encoder() = default;

  // Starts a message, which stays the caller's and must not change until the last piece is out.
  // False: this framing cannot carry it, and refusal() says why.
  virtual bool begin(const MessageView& message) = 0;
  virtual const char* refusal() const = 0;

  // A shorter way for a message that is one piece: all of it, put right there, and its size. 0: it
  // does not fit, or is not as simple; nothing has happened, and begin() is the way.
  virtual std::size_t put_whole(const MessageView& /*message*/, std::span<std::byte> /*room*/) {
    return 0;
  }

  // Whether the message has pieces left.
  virtual bool more() const = 0;

  // The next piece, valid until the next call; empty when the message is through.
  virtual ByteView next_piece() = 0;

  // Whether the next piece takes a page of kPieceBytes all but a few bytes; then fill_page() puts
  // it where it is wanted, which saves copying it, and says how many bytes it has.
  virtual bool fills_page() const { return false; }
  virtual std::size_t fill_page(std::byte* /*page*/) { return 0; }

  // The message has begun to leave and is not to go on, and more() pieces are left. Where it is
  // cancelled, any number of the last pieces may be left out; otherwise all that were given go out.
  virtual Remainder abandon() = 0;

  // Nothing of the message begun last was written, or it was cancelled.
  virtual void forget() {}

  // This process is a fork of the one that made this encoder: from here on it writes as somebody
  // else.
  virtual void renew_identity() {}
};

}  // namespace fifomq::core
