// What the encoder writes, the decoder reads; and every piece is one atomic write of whole frames.
#include "core/frame_encoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame_decoder.hpp"
#include "core/plain_frame.hpp"
#include "decoder_driver.hpp"
#include "support/random.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using test::kMiB;

// Checks that the piece holds whole frames, each with a right checksum.
void expect_whole_frames(ByteView piece) {
  ASSERT_LE(piece.size(), 4096U);
  while (!piece.empty()) {
    std::uint64_t size = 0;
    ASSERT_EQ(core::take_varint(piece, size), core::TakeStatus::taken);
    ASSERT_LE(size, piece.size());
    core::Frame frame;
    std::string unknown;
    ASSERT_EQ(core::parse_body(piece.first(size), frame, unknown), core::ParseStatus::parsed);
    ASSERT_TRUE(frame.checked);
    piece = piece.subspan(size);
  }
}

std::vector<std::string> pieces_of(core::Encoder& encoder, const MessageView& message) {
  EXPECT_TRUE(encoder.begin(message));
  std::vector<std::string> pieces;
  for (ByteView piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
    expect_whole_frames(piece);
    pieces.emplace_back(as_text(piece));
  }
  return pieces;
}

class FrameEncoderTest : public testing::Test {
 protected:
  void send(const MessageView& message) {
    for (const std::string& piece : pieces_of(encoder_, message)) driver_.give(piece);
  }

  core::FrameEncoder encoder_;
  core::FrameDecoder decoder_{{}};
  test::DecoderDriver driver_{decoder_};
};

TEST_F(FrameEncoderTest, EverySizeComesBackExactly) {
  test::Random random;
  std::vector<std::size_t> sizes{0, 1, 4095, 4096, 4097, 65'535, 65'536, kMiB, kMiB + 1};
  // Around the largest frame that fits into one piece, and around what two fragments hold.
  for (std::size_t size = 4000; size <= 4100; ++size) sizes.push_back(size);
  for (std::size_t size = 8000; size <= 8200; ++size) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    const std::string payload = random.bytes(size);
    send({.payload = as_byte_view(payload)});
    ASSERT_EQ(as_text(driver_.messages().back().payload), payload) << size;
  }
  driver_.finish();
  ASSERT_EQ(driver_.messages().size(), sizes.size());
  EXPECT_EQ(driver_.counters().bytes_skipped, 0U);
  EXPECT_EQ(driver_.counters().sequence_gaps, 0U);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(driver_.messages()[i].origin->sequence, i + 1);
  }
}

TEST_F(FrameEncoderTest, WhatFitsIntoOnePieceIsNotFragmented) {
  std::size_t largest = 0;
  for (std::size_t size = 3900; size <= 4096; ++size) {
    const std::string payload(size, 'x');
    if (pieces_of(encoder_, {.payload = as_byte_view(payload)}).size() == 1) largest = size;
  }
  const std::string payload(largest, 'x');
  const auto pieces = pieces_of(encoder_, {.payload = as_byte_view(payload)});
  EXPECT_EQ(pieces.front().size(), 4096U) << "the page is used to its last byte";
}

TEST_F(FrameEncoderTest, AllFieldsComeThrough) {
  const std::string topic(1024, 't');
  const std::string type(1024, 'T');
  const std::string unknown = test::bytes_field(13, std::string(1021, 'u'));
  test::Random random;
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 1000, 5000, 100'000}) {
    const std::string payload = random.bytes(size);
    send({.payload = as_byte_view(payload),
          .topic = topic,
          .type = type,
          .origin = Origin{.writer = ~std::uint64_t{0}, .sequence = ~std::uint64_t{0}},
          .sent_unix_nanos = ~std::uint64_t{0},
          .hops = ~std::uint32_t{0},
          .unknown_fields = as_byte_view(unknown)});
    ASSERT_FALSE(driver_.messages().empty());
    const Message& message = driver_.messages().back();
    EXPECT_EQ(as_text(message.payload), payload);
    EXPECT_EQ(message.topic, topic);
    EXPECT_EQ(message.type, type);
    EXPECT_EQ(message.origin, (Origin{~std::uint64_t{0}, ~std::uint64_t{0}}));
    EXPECT_EQ(message.sent_unix_nanos, ~std::uint64_t{0});
    EXPECT_EQ(message.hops, ~std::uint32_t{0});
    EXPECT_EQ(as_text(message.unknown_fields), unknown);
  }
  EXPECT_EQ(driver_.messages().size(), 5U);
}

TEST_F(FrameEncoderTest, OriginIsStampedOnlyWhereItIsAbsent) {
  send({.payload = as_byte_view("mine")});
  send({.payload = as_byte_view("theirs"), .origin = Origin{5, 9}});
  send({.payload = as_byte_view("unknown"), .origin = Origin{}});
  send({.payload = as_byte_view("mine")});
  ASSERT_EQ(driver_.messages().size(), 4U);
  const Origin first = *driver_.messages()[0].origin;
  EXPECT_NE(first.writer, 0U);
  EXPECT_EQ(first.sequence, 1U);
  EXPECT_EQ(driver_.messages()[1].origin, (Origin{5, 9}));
  EXPECT_EQ(driver_.messages()[2].origin, Origin{});
  EXPECT_EQ(driver_.messages()[3].origin, (Origin{first.writer, 2}));
}

TEST_F(FrameEncoderTest, RefusalsTakeNoSequenceNumber) {
  send({.payload = as_byte_view("1")});
  const std::string too_long(1025, 't');
  EXPECT_FALSE(encoder_.begin({.topic = too_long}));
  EXPECT_STREQ(encoder_.refusal(), "its topic is longer than 1 KiB");
  send({.payload = as_byte_view("2")});
  EXPECT_EQ(driver_.messages().back().origin->sequence, 2U);
}

TEST_F(FrameEncoderTest, ForgottenMessageGivesItsNumberBack) {
  ASSERT_TRUE(encoder_.begin({.payload = as_byte_view("never written")}));
  ASSERT_FALSE(encoder_.next_piece().empty());
  encoder_.forget();
  EXPECT_TRUE(encoder_.next_piece().empty());
  encoder_.forget();
  send({.payload = as_byte_view("written")});
  EXPECT_EQ(driver_.messages().back().origin->sequence, 1U);
  // A relayed message had no number of ours to give back.
  ASSERT_TRUE(encoder_.begin({.payload = as_byte_view("relayed"), .origin = Origin{5, 9}}));
  encoder_.forget();
  send({.payload = as_byte_view("written")});
  EXPECT_EQ(driver_.messages().back().origin->sequence, 2U);
  EXPECT_EQ(driver_.counters().sequence_gaps, 0U);
}

TEST_F(FrameEncoderTest, TheShorterWayMakesTheSameBytes) {
  std::vector<std::byte> room(core::kPieceBytes);
  std::uint64_t sequence = 0;
  for (std::size_t size = 0; size <= core::kPieceBytes; ++size) {
    const std::string payload(size, 'p');
    const std::size_t written = encoder_.put_whole({.payload = as_byte_view(payload)}, room);
    if (written == 0) continue;
    MessageView message;
    ASSERT_EQ(core::read_plain_frame(room, message), written);
    EXPECT_EQ(message.origin->sequence, ++sequence);
    const core::Frame frame = core::to_frame(message);
    ASSERT_EQ(as_text(frame.payload), payload);
    ASSERT_EQ(as_text(ByteView(room).first(written)), test::delimited(test::body_of(frame)));
  }
  EXPECT_GT(sequence, 4'000U);
  for (const std::uint32_t hops : {1U, 127U, 128U, ~0U}) {
    const MessageView relayed{.payload = as_byte_view("p"), .origin = Origin{5, 9}, .hops = hops};
    const std::size_t written = encoder_.put_whole(relayed, room);
    const std::string same = test::delimited(test::body_of(core::to_frame(relayed)));
    ASSERT_EQ(as_text(ByteView(room).first(written)), same);
    MessageView message;
    ASSERT_EQ(core::read_plain_frame(room, message), written);
    EXPECT_EQ(message.hops, hops);
    EXPECT_EQ(message.origin->sequence, 9U);
  }
  // What it does not take has used up no number, nor has what is only passed on.
  for (const MessageView& other :
       {MessageView{}, MessageView{.payload = as_byte_view("p"), .topic = "t"},
        MessageView{.payload = as_byte_view("p"), .type = "t"},
        MessageView{.payload = as_byte_view("p"), .origin = Origin{}},
        MessageView{.payload = as_byte_view("p"), .sent_unix_nanos = 1},
        MessageView{.payload = as_byte_view("p"), .unknown_fields = as_byte_view("\x68\x05")}}) {
    EXPECT_EQ(encoder_.put_whole(other, room), 0U);
  }
  EXPECT_EQ(encoder_.put_whole({.payload = as_byte_view("p")}, std::span(room).first(60)), 0U);
  send({.payload = as_byte_view("next")});
  EXPECT_EQ(driver_.messages().back().origin->sequence, sequence + 1);
}

TEST_F(FrameEncoderTest, AbandonedMessageIsCancelledWhereverItStops) {
  const std::string payload(20'000, 'p');
  const std::size_t pieces = pieces_of(encoder_, {.payload = as_byte_view(payload)}).size();
  ASSERT_GE(pieces, 5U);
  for (std::size_t written = 1; written < pieces; ++written) {
    ASSERT_TRUE(encoder_.begin({.payload = as_byte_view(payload)}));
    for (std::size_t i = 0; i < written; ++i) driver_.give(as_text(encoder_.next_piece()));
    EXPECT_EQ(driver_.counters().messages_pending, 1U);
    const core::Remainder rest = encoder_.abandon();
    EXPECT_FALSE(rest.completes);
    expect_whole_frames(rest.bytes);
    driver_.give(as_text(rest.bytes));
    EXPECT_TRUE(encoder_.next_piece().empty());
    EXPECT_EQ(driver_.counters().messages_pending, 0U);
    EXPECT_EQ(driver_.counters().cancelled, written);
    EXPECT_FALSE(decoder_.waiting());
    send({.payload = as_byte_view("next")});
  }
  driver_.finish();
  EXPECT_EQ(driver_.messages().size(), pieces - 1);
  EXPECT_EQ(driver_.counters().sequence_gaps, 0U) << "cancelled numbers are used again";
  EXPECT_EQ(driver_.counters().frames_damaged, 0U);
}

TEST_F(FrameEncoderTest, RenewedIdentityIsAnotherWriterAndStream) {
  const std::string payload(10'000, 'p');
  const auto half = [&] {
    EXPECT_TRUE(encoder_.begin({.payload = as_byte_view(payload)}));
    return std::string(as_text(encoder_.next_piece()));
  };
  send({.payload = as_byte_view("parent")});
  driver_.give(half());
  encoder_.renew_identity();
  send({.payload = as_byte_view(payload)});
  ASSERT_EQ(driver_.messages().size(), 2U);
  EXPECT_NE(driver_.messages()[0].origin->writer, driver_.messages()[1].origin->writer);
  EXPECT_EQ(driver_.messages()[1].origin->sequence, 1U);
  EXPECT_EQ(driver_.counters().messages_pending, 1U)
      << "the parent's half message is still waited for";
}

TEST(FrameEncoderIdentity, NoTwoEncodersShareOne) {
  core::FrameDecoder decoder{{}};
  test::DecoderDriver driver(decoder);
  std::vector<std::uint64_t> writers;
  for (int i = 0; i < 50; ++i) {
    core::FrameEncoder encoder;
    for (const std::string& piece : pieces_of(encoder, {})) driver.give(piece);
    const std::uint64_t writer = driver.messages().back().origin->writer;
    EXPECT_EQ(std::ranges::count(writers, writer), 0);
    writers.push_back(writer);
  }
}

}  // namespace
}  // namespace fifomq
