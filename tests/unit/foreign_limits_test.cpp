// The bytes of each foreign framing as they stand in the stream, and what is refused.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "core/foreign_framing.hpp"
#include "decoder_driver.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using namespace std::chrono_literals;
using core::Framing;
using Payloads = std::vector<std::string>;

std::string encode(Framing framing, std::string_view payload) {
  core::ForeignEncoder encoder(framing);
  EXPECT_TRUE(encoder.begin({.payload = as_byte_view(payload)}));
  std::string bytes;
  for (auto piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
    bytes += as_text(piece);
  }
  return bytes;
}

TEST(ForeignBytes, StandAsOthersWriteThem) {
  const std::string payload(300, 'p');
  EXPECT_EQ(encode(Framing::varint, payload), "\xAC\x02" + payload);
  EXPECT_EQ(encode(Framing::u16be, payload), "\x01\x2C" + payload);
  EXPECT_EQ(encode(Framing::u32be, payload), std::string("\0\0\x01\x2C", 4) + payload);
  EXPECT_EQ(encode(Framing::u32le, payload), std::string("\x2C\x01\0\0", 4) + payload);
  EXPECT_EQ(encode(Framing::line, payload), payload + "\n");
  EXPECT_EQ(encode(Framing::byte, "p"), "p");
  EXPECT_EQ(encode(Framing::u16be, ""), std::string("\0\0", 2));
}

TEST(ForeignBytes, WhatAFramingCannotCarryIsRefused) {
  const auto refusal = [](Framing framing, std::string_view payload) {
    core::ForeignEncoder encoder(framing);
    return encoder.begin({.payload = as_byte_view(payload)}) ? "" : encoder.refusal();
  };
  EXPECT_STREQ(refusal(Framing::line, "a\nb"),
               "it holds a newline, which framing=line cannot carry");
  EXPECT_STREQ(refusal(Framing::byte, ""), "framing=byte carries payloads of exactly one byte");
  EXPECT_STREQ(refusal(Framing::byte, "ab"), "framing=byte carries payloads of exactly one byte");
  EXPECT_STREQ(refusal(Framing::u16be, std::string(65'536, 'x')),
               "its payload is larger than the framing's length can say");
  EXPECT_STREQ(refusal(Framing::u16be, std::string(65'535, 'x')), "");
  EXPECT_STREQ(refusal(Framing::u32be, std::string(65'536, 'x')), "");
}

// A message that has begun to leave cannot be cancelled, so its rest is what abandon() gives.
TEST(ForeignBytes, AbandonedMessageIsCompleted) {
  const std::string payload(10'000, 'p');
  core::ForeignEncoder encoder(Framing::u32be);
  ASSERT_TRUE(encoder.begin({.payload = as_byte_view(payload)}));
  std::string stream(as_text(encoder.next_piece()));
  const core::Remainder rest = encoder.abandon();
  EXPECT_TRUE(rest.completes);
  stream += as_text(rest.bytes);
  EXPECT_EQ(stream, encode(Framing::u32be, payload));
}

TEST(ForeignLimits, AMessageOverTheLimitIsSkippedWhole) {
  for (const Framing framing : {Framing::varint, Framing::u16be, Framing::u32be, Framing::u32le}) {
    for (const std::size_t piece : std::initializer_list<std::size_t>{1, 7, 10'000}) {
      core::LengthDecoder decoder(framing, {.max_message = 100}, "");
      test::DecoderDriver driver(decoder);
      const std::string refused = encode(framing, std::string(101, 'x'));
      driver.give_in_pieces(
          encode(framing, std::string(100, 'a')) + refused + encode(framing, "next"), piece);
      driver.finish();
      EXPECT_EQ(driver.payloads(), (Payloads{std::string(100, 'a'), "next"}));
      EXPECT_EQ(driver.counters().too_large, 1U);
      EXPECT_EQ(driver.counters().bytes_skipped, refused.size());
    }
  }
}

TEST(ForeignLimits, LengthsThatLieCostNoMemoryAndEndInTime) {
  const std::vector<std::pair<Framing, std::string>> lies{
      {Framing::varint, test::varint(std::uint64_t{1} << 63)},
      {Framing::varint, test::varint(~std::uint64_t{0})},
      {Framing::u32be, "\xFF\xFF\xFF\xFF"},
      {Framing::u32le, "\xFF\xFF\xFF\xFF"}};
  for (const auto& [framing, lie] : lies) {
    core::LengthDecoder decoder(framing, {.frame_timeout = 5s}, "");
    test::DecoderDriver driver(decoder);
    driver.give(lie + "a few bytes");
    EXPECT_LT(decoder.room(1).size(), 1'000U);
    EXPECT_GE(decoder.wanted(1), 1U);
    EXPECT_EQ(driver.counters().too_large, 1U);
    driver.stand_empty(5s);
    EXPECT_FALSE(decoder.waiting());
    driver.give(encode(framing, "next"));
    EXPECT_EQ(driver.payloads(), (Payloads{"next"}));
  }
}

TEST(ForeignLimits, ALengthThatIsNoVarintIsDamage) {
  core::LengthDecoder decoder(Framing::varint, {}, "");
  test::DecoderDriver driver(decoder);
  driver.give(std::string(11, '\xFF') + std::string(1, '\0'));
  driver.finish();
  EXPECT_GT(driver.counters().frames_damaged, 0U);
}

TEST(ForeignLimits, HalfAMessageIsGivenUpInTime) {
  core::LengthDecoder decoder(Framing::u16be, {.frame_timeout = 5s}, "");
  test::DecoderDriver driver(decoder);
  driver.give(encode(Framing::u16be, "half of it").substr(0, 5));
  EXPECT_TRUE(decoder.waiting());
  driver.stand_empty(4s);
  EXPECT_EQ(driver.counters().bytes_pending, 5U);
  driver.stand_empty(2s);
  EXPECT_EQ(driver.counters().bytes_skipped, 5U);
  EXPECT_EQ(driver.counters().frames_damaged, 1U);
  driver.give(encode(Framing::u16be, "next"));
  EXPECT_EQ(driver.payloads(), (Payloads{"next"}));
}

TEST(ForeignLimits, HalfAMessageAtTheEndIsCounted) {
  core::LengthDecoder decoder(Framing::u16be, {}, "");
  test::DecoderDriver driver(decoder);
  driver.give(encode(Framing::u16be, "half of it").substr(0, 5));
  driver.finish();
  EXPECT_EQ(driver.counters().frames_damaged, 1U);
  EXPECT_EQ(driver.counters().bytes_skipped, 5U);
}

TEST(Lines, TheLastOneNeedsNoNewline) {
  core::LineDecoder decoder({}, "");
  test::DecoderDriver driver(decoder);
  driver.give("one\n\ntail");
  EXPECT_EQ(driver.payloads(), (Payloads{"one", ""}));
  driver.finish();
  EXPECT_EQ(driver.payloads(), (Payloads{"one", "", "tail"}));
  EXPECT_EQ(driver.counters().bytes_in_messages, 9U);
}

TEST(Lines, NoTailIsNoMessage) {
  core::LineDecoder decoder({}, "");
  test::DecoderDriver driver(decoder);
  driver.give("one\n");
  driver.finish();
  EXPECT_EQ(driver.payloads(), (Payloads{"one"}));
}

TEST(Lines, TooLongOnesAreSkippedToTheirEnd) {
  const std::string stream = "12345\n123456\n" + std::string(1'000, 'x') + "\nnext\n";
  for (const bool tail : {false, true}) {
    for (const std::size_t piece : std::initializer_list<std::size_t>{1, 3, 100, 10'000}) {
      core::LineDecoder decoder({.max_message = 5}, "");
      test::DecoderDriver driver(decoder);
      driver.give_in_pieces(stream + (tail ? std::string(9, 't') : ""), piece);
      driver.finish();
      EXPECT_EQ(driver.payloads(), (Payloads{"12345", "next"})) << piece;
      EXPECT_EQ(driver.counters().too_large, tail ? 3U : 2U) << piece;
      EXPECT_EQ(driver.counters().bytes_skipped, tail ? 1'017U : 1'008U) << piece;
    }
  }
}

TEST(Lines, AnEndlessLineCostsNoMemory) {
  core::LineDecoder decoder({.max_message = 1'000}, "");
  test::DecoderDriver driver(decoder);
  for (int i = 0; i < 1'000; ++i) driver.give(std::string(10'000, 'x'));
  EXPECT_LT(decoder.room(1).size(), 30'000U);
  EXPECT_EQ(driver.counters().too_large, 1U);
  driver.give("\nnext\n");
  EXPECT_EQ(driver.payloads(), (Payloads{"next"}));
}

}  // namespace
}  // namespace fifomq
