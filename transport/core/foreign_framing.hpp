// Framings that other programs use: a length in front, a newline behind, or nothing at all. They
// carry payloads only, and cannot tell damage: a byte too many or too few shifts all that follows.
// But when every writer has left, or after frame_timeout of silence, half a message is not put
// together with what comes next.
#pragma once

#include <string>

#include "core/buffered_encoder.hpp"
#include "core/decoder.hpp"

namespace fifomq::core {

enum class Framing { frame, varint, u16be, u32be, u32le, line, byte };

// The length in front of a message.
struct LengthPrefix {
  Framing framing;  // varint, u16be, u32be, u32le

  struct Parsed {
    enum { whole, incomplete, invalid } status;
    std::size_t prefix_bytes;
    std::uint64_t size;
  };
  Parsed parse(ByteView bytes) const;
  std::size_t write(std::uint64_t size, std::span<std::byte> out) const;
  std::uint64_t largest() const;
  std::size_t least_bytes() const;
};

class LengthDecoder final : public Decoder {
 public:
  LengthDecoder(Framing framing, const DecoderLimits& limits, std::string topic);

  bool next(MessageView& message) override;
  std::uint64_t wanted(std::uint64_t messages) const override;
  bool waiting() const override { return !unread().empty() || to_skip_ > 0; }

 private:
  void give_up();
  bool skip_refused();

  const LengthPrefix prefix_;
  const DecoderLimits limits_;
  const std::string topic_;
  std::uint64_t to_skip_ = 0;  // bytes of a refused message that are still to come
};

// Lines without their newline. A writer's last line needs none.
class LineDecoder final : public Decoder {
 public:
  LineDecoder(const DecoderLimits& limits, std::string topic);

  bool next(MessageView& message) override;
  std::uint64_t wanted(std::uint64_t messages) const override { return messages; }
  bool waiting() const override { return !unread().empty() || refusing_; }

 private:
  void refuse(std::size_t count);

  const DecoderLimits limits_;
  const std::string topic_;
  std::size_t searched_ = 0;
  bool refusing_ = false;  // inside a line that is too long
};

class ByteDecoder final : public Decoder {
 public:
  explicit ByteDecoder(const DecoderLimits& limits, std::string topic);

  bool next(MessageView& message) override;
  std::uint64_t wanted(std::uint64_t messages) const override { return messages; }

 private:
  const std::string topic_;
};

// Everything but `frame`.
class ForeignEncoder final : public BufferedEncoder {
 public:
  explicit ForeignEncoder(Framing framing) : framing_(framing) {}

  bool begin(const MessageView& message) override;
  const char* refusal() const override { return refusal_; }

 private:
  const char* refuse(ByteView payload) const;

  const Framing framing_;
  const char* refusal_ = nullptr;
};

}  // namespace fifomq::core
