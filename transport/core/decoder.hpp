// From a byte stream to messages: what every framing implements. A decoder owns the bytes that have
// been read and not yet used up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include <fifomq/counters.hpp>
#include <fifomq/message.hpp>

#include "core/byte_buffer.hpp"

namespace fifomq::core {

struct DecoderLimits {
  std::uint64_t max_message = std::uint64_t{64} << 20;  // bytes of payload
  std::uint64_t reassembly_memory = std::uint64_t{128}
                                    << 20;  // bytes, for all half-assembled messages
  std::chrono::nanoseconds frame_timeout = std::chrono::seconds(5);
};

// Takes a sentence about the stream that its operator should read.
using Notice = std::function<void(std::string_view)>;

// Messages of which a part was taken out of the unread bytes, and how many bytes that was.
struct Held {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
};

class Decoder {
 public:
  explicit Decoder(std::chrono::nanoseconds frame_timeout) : frame_timeout_(frame_timeout) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  Decoder(Decoder&&) = delete;
  Decoder& operator=(Decoder&&) = delete;
  virtual ~Decoder() = default;

  // Room for at least `count` bytes; filled() says how many were written into it. Ends the life of
  // the view that next() gave.
  std::span<std::byte> room(std::size_t count) {
    // What is moved is less than what was used up, so that in all no byte is moved more than once.
    if (used_ >= unread().size()) {
      buffer_.drop_front(used_);
      used_ = 0;
    }
    return buffer_.spare(count);
  }
  void filled(std::size_t count) {
    buffer_.add_size(count);
    counters_.bytes_in += count;
    empty_since_.reset();
    last_bytes_ = empty_clock_;
    abandoned_ = false;
  }

  // The next whole message, or false when more bytes are needed. The view lives until the next call
  // of a non-const member.
  virtual bool next(MessageView& message) = 0;

  // Where in the stream the first byte stands that is still needed: for what is half done, or was
  // not looked at yet. What lies before belongs to messages that were handed out, or to none.
  virtual std::uint64_t needed_from() const { return position(); }
  // How far the stream has been read.
  std::uint64_t read_to() const { return counters_.bytes_in; }
  // What lies before that place cannot be read again. What began there and is whole later is
  // counted `uncommittable`, and no more of it is needed.
  virtual void gone_until(std::uint64_t place) { gone_ = place; }

  // Where what is half done is kept elsewhere when it has to be taken out of the source: writes it,
  // as it can be read again in front of what follows.
  virtual void write_half_done(ByteBuffer& /*out*/) const {}
  // What lies before that place is kept so; what comes from there on is still needed.
  virtual void kept_until(std::uint64_t /*place*/) {}
  // Something of which a part is kept is half done.
  virtual bool has_kept() const { return false; }

  // How many more bytes can be read without touching what follows the next `messages` messages; at
  // least 1.
  virtual std::uint64_t wanted(std::uint64_t messages) const = 0;

  // The source has been empty since source_empty() was called last, until now or shortly before:
  // the time counts toward frame_timeout.
  void was_empty_until(std::chrono::steady_clock::time_point now) {
    // No more than a slice at once: a reader that was itself away takes nobody for dead.
    if (empty_since_) empty_clock_ += std::min(now - *empty_since_, frame_timeout_ / kSlices);
    empty_since_.reset();
  }
  // The source is empty now, after all that was in it has been read: what has stood half done for
  // frame_timeout of such time is given up by next().
  void source_empty(std::chrono::steady_clock::time_point now) {
    was_empty_until(now);
    empty_since_ = now;
    on_empty();
  }
  // How often source_empty() is to be called while waiting().
  std::chrono::nanoseconds empty_interval() const { return frame_timeout_ / kSlices; }

  // From now on no more is read than wanted() says: what follows a message is not here to be looked
  // at.
  void read_exactly() { exact_ = true; }

  // The source is empty, and nobody is left who could write the rest of what is half done: this is
  // given up by next(). Others may still come.
  void writers_left() { abandoned_ = true; }

  // Something is half done.
  virtual bool waiting() const { return !unread().empty(); }

  // Nothing more will come: after this, next() hands out what is whole and the rest is counted.
  void finish() { finished_ = true; }

  Counters counters() const {
    Counters all = counters_;
    const auto [messages, bytes] = held();
    all.messages_pending = messages;
    all.bytes_pending = unread().size() + bytes;
    return all;
  }

 protected:
  virtual Held held() const { return {}; }

  virtual void on_empty() {}

  // Whoever wrote what stands here will not go on.
  bool ended() const { return finished_ || abandoned_; }
  // What has not come by now never will.
  bool silent() const { return ended() || empty_clock_ - last_bytes_ >= frame_timeout_; }

  // What comes next is not on its way yet, or is not to be waited for.
  bool nothing_follows() const { return exact_ || empty_since_.has_value(); }

  // The bytes not used up yet.
  ByteView unread() const { return buffer_.view().subspan(used_); }
  // Where they stand in the stream.
  std::uint64_t position() const { return counters_.bytes_in - unread().size(); }
  std::uint64_t gone() const { return gone_; }
  void use(std::size_t count) { used_ += count; }
  void skip(std::size_t count) {
    used_ += count;
    counters_.bytes_skipped += count;
  }

  // Runs while the source is empty.
  std::chrono::nanoseconds empty_clock() const { return empty_clock_; }

  Counters counters_;

 private:
  static constexpr int kSlices = 4;

  const std::chrono::nanoseconds frame_timeout_;
  ByteBuffer buffer_;
  std::size_t used_ = 0;
  std::uint64_t gone_ = 0;
  bool exact_ = false;
  bool finished_ = false;
  bool abandoned_ = false;
  std::optional<std::chrono::steady_clock::time_point> empty_since_;
  std::chrono::nanoseconds empty_clock_{0};
  std::chrono::nanoseconds last_bytes_{0};  // when bytes came last, on that clock
};

}  // namespace fifomq::core
