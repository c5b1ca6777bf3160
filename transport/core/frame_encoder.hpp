// Delimited frames, each within one atomic piece; a message that does not fit goes as fragments.
#pragma once

#include <array>

#include "core/encoder.hpp"
#include "core/frame.hpp"
#include "core/identity.hpp"

namespace fifomq::core {

class FrameEncoder final : public Encoder {
 public:
  FrameEncoder();

  bool begin(const MessageView& message) override;
  std::size_t put_whole(const MessageView& message, std::span<std::byte> room) override;
  const char* refusal() const override { return refusal_; }
  bool more() const override { return !through_; }
  ByteView next_piece() override;
  bool fills_page() const override;
  std::size_t fill_page(std::byte* page) override;
  Remainder abandon() override;
  void forget() override;
  void renew_identity() override;

 private:
  Frame take_fragment();
  ByteView piece(const Frame& frame);

  OriginStamp stamp_;
  std::uint32_t stream_;
  std::uint64_t fragmented_ = 0;  // messages of this stream that went as fragments
  const char* refusal_ = nullptr;
  Frame frame_;
  std::size_t sent_ = 0;  // bytes of the payload that are in pieces already
  bool stamped_ = false;  // the message took its origin from stamp_
  bool through_ = true;
  std::array<std::byte, kPieceBytes + 1> page_;  // a length of one byte leaves the first one free
};

}  // namespace fifomq::core
