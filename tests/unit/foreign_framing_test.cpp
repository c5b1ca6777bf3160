// Framings that other programs use: what goes in comes out, however the stream is cut.
#include "core/foreign_framing.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/framing.hpp"
#include "decoder_driver.hpp"
#include "support/random.hpp"

namespace fifomq {
namespace {

using core::Framing;
using Payloads = std::vector<std::string>;

std::string name_of(const testing::TestParamInfo<Framing>& info) {
  constexpr std::array<const char*, 7> kNames{"frame", "varint", "u16be", "u32be",
                                              "u32le", "line",   "byte"};
  return kNames.at(static_cast<std::size_t>(info.param));
}

class ForeignFraming : public testing::TestWithParam<Framing> {
 protected:
  static std::unique_ptr<core::Decoder> make_decoder(const core::DecoderLimits& limits = {}) {
    return core::make_decoder(GetParam(), limits, "a/topic", {});
  }

  // Payloads that this framing carries, of every kind of length.
  static Payloads payloads() {
    if (GetParam() == Framing::byte) return {"a", "\n", std::string(1, '\0'), "\xFF", "b"};
    Payloads all{"one",
                 "",
                 std::string(127, 'x'),
                 std::string(128, 'y'),
                 std::string(300, 'z'),
                 std::string("\0\xFF\x80 bytes", 9)};
    if (GetParam() != Framing::line) all.emplace_back("with\nnewline\n");
    all.emplace_back("last");
    return all;
  }

  static std::string encode(const Payloads& payloads) {
    const auto encoder = core::make_encoder(GetParam());
    std::string stream;
    for (const std::string& payload : payloads) {
      EXPECT_TRUE(encoder->begin({.payload = as_byte_view(payload)}));
      for (auto piece = encoder->next_piece(); !piece.empty(); piece = encoder->next_piece()) {
        EXPECT_LE(piece.size(), 4096U);
        stream += as_text(piece);
      }
    }
    return stream;
  }
};

TEST_P(ForeignFraming, RoundTripAtEverySplit) {
  const std::string stream = encode(payloads());
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    const auto decoder = make_decoder();
    test::DecoderDriver driver(*decoder);
    driver.give(stream.substr(0, at));
    driver.give(stream.substr(at));
    EXPECT_EQ(driver.payloads(), payloads()) << "split at " << at;
    driver.finish();
    EXPECT_EQ(driver.counters().bytes_in_messages, stream.size());
  }
}

TEST_P(ForeignFraming, RoundTripByteByByte) {
  const auto decoder = make_decoder();
  test::DecoderDriver driver(*decoder);
  driver.give_in_pieces(encode(payloads()), 1);
  EXPECT_EQ(driver.payloads(), payloads());
  EXPECT_FALSE(decoder->waiting());
}

TEST_P(ForeignFraming, MessagesHaveTheTopicOfTheEndpointAndNoOrigin) {
  const auto decoder = make_decoder();
  test::DecoderDriver driver(*decoder);
  driver.give(encode({"a"}));
  ASSERT_EQ(driver.messages().size(), 1U);
  EXPECT_EQ(driver.messages()[0].topic, "a/topic");
  EXPECT_EQ(driver.messages()[0].origin, Origin{});
  EXPECT_TRUE(driver.messages()[0].type.empty());
}

// A reader that is to take n messages and no more, so that the next program finds the rest.
TEST_P(ForeignFraming, WantedTakesNothingOfALaterMessage) {
  const Payloads all = payloads();
  const std::string stream = encode(all);
  for (std::size_t count = 1; count <= all.size(); ++count) {
    const auto decoder = make_decoder();
    test::DecoderDriver driver(*decoder);
    const auto end = encode({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)}).size();
    std::size_t taken = 0;
    while (driver.messages().size() < count && !HasFailure()) {
      const auto wanted = decoder->wanted(count - driver.messages().size());
      ASSERT_GE(wanted, 1U);
      ASSERT_LE(taken + wanted, end) << "for " << count << " messages";
      driver.give(stream.substr(taken, wanted));
      taken += wanted;
    }
    EXPECT_EQ(driver.messages().size(), count);
    EXPECT_EQ(taken, end);
  }
}

// The same, with a message among them that is refused: it does not count.
TEST_P(ForeignFraming, WantedCountsNoRefusedMessage) {
  if (GetParam() == Framing::byte) GTEST_SKIP() << "a byte is never too large";
  const std::string stream = encode({"one", std::string(200, 'x'), "two", "three"});
  const std::size_t end = encode({"one", std::string(200, 'x'), "two"}).size();
  const auto decoder = make_decoder({.max_message = 100});
  test::DecoderDriver driver(*decoder);
  std::size_t taken = 0;
  while (driver.messages().size() < 2 && !HasFailure()) {
    const auto wanted = decoder->wanted(2 - driver.messages().size());
    ASSERT_LE(taken + wanted, end);
    driver.give(stream.substr(taken, wanted));
    taken += wanted;
  }
  EXPECT_EQ(driver.payloads(), (Payloads{"one", "two"}));
  EXPECT_EQ(driver.counters().too_large, 1U);
}

TEST_P(ForeignFraming, RandomMessagesInRandomPieces) {
  test::Random random;
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    Payloads sent;
    for (auto left = random.between(0, 30); left > 0; --left) {
      const auto size = GetParam() == Framing::byte ? 1 : random.between(0, 2'000);
      sent.push_back(GetParam() == Framing::line ? random.letters(size) : random.bytes(size));
    }
    const auto decoder = make_decoder();
    test::DecoderDriver driver(*decoder);
    driver.give_in_pieces(encode(sent), random.between(1, 3'000));
    driver.finish();
    EXPECT_EQ(driver.payloads(), sent);
  }
}

TEST_P(ForeignFraming, GarbageNeitherCrashesNorLosesCount) {
  test::Random random;
  for (int round = 0; round < 200 && !HasFailure(); ++round) {
    const auto decoder = make_decoder({.max_message = 1'000});
    test::DecoderDriver driver(*decoder);
    driver.give_in_pieces(random.bytes(random.between(0, 5'000)), random.between(1, 500));
    if (random.one_in(2)) driver.stand_empty(std::chrono::seconds(5));
    driver.give_in_pieces(random.bytes(random.between(0, 500)), random.between(1, 500));
    driver.finish();
  }
}

INSTANTIATE_TEST_SUITE_P(Each, ForeignFraming,
                         testing::Values(Framing::varint, Framing::u16be, Framing::u32be,
                                         Framing::u32le, Framing::line, Framing::byte),
                         name_of);

}  // namespace
}  // namespace fifomq
