// Only what was hit is lost.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame_decoder.hpp"
#include "core/frame_encoder.hpp"
#include "decoder_driver.hpp"
#include "support/random.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using test::checked_frame;
using test::unchecked_frame;
using Payloads = std::vector<std::string>;

class FrameDecoderDamage : public testing::Test {
 protected:
  core::FrameDecoder decoder_{{}};
  test::DecoderDriver driver_{decoder_};
};

TEST_F(FrameDecoderDamage, MebibyteOfGarbageBetweenTwoFrames) {
  test::Random random;
  driver_.give(checked_frame("before"));
  driver_.give(random.bytes(std::size_t{1} << 20));
  driver_.give(checked_frame("after"));
  driver_.finish();
  EXPECT_EQ(driver_.payloads(), (Payloads{"before", "after"}));
  EXPECT_EQ(driver_.counters().bytes_skipped, std::uint64_t{1} << 20);
  EXPECT_EQ(driver_.counters().dropped(), 0U);
}

// Where the place is lost, any digit of a length may be where it starts. No size of a frame makes
// it unreadable there.
class FrameDecoderFinds : public FrameDecoderDamage {
 protected:
  // The sizes that did not arrive, or arrived with something beside them that nobody sent.
  template <typename MakeFrame>
  std::vector<std::size_t> lost_sizes(MakeFrame make_frame) {
    std::vector<std::size_t> lost;
    for (std::size_t size = 0; size <= 20'000; size += size < 4'200 ? 1 : 13) {
      const std::string payload(size, 'p');
      const std::size_t before = driver_.messages().size();
      driver_.give("garbage" + make_frame(payload));
      driver_.give(checked_frame("next"));
      const auto& got = driver_.messages();
      if (got.size() != before + 2 || as_text(got[before].payload) != payload) {
        lost.push_back(size);
      }
    }
    return lost;
  }
};

TEST_F(FrameDecoderFinds, CheckedFramesOfEverySizeBehindGarbage) {
  const auto lost = lost_sizes([](const std::string& payload) { return checked_frame(payload); });
  EXPECT_TRUE(lost.empty()) << lost.size() << " sizes from " << lost.front() << " to "
                            << lost.back();
}

TEST_F(FrameDecoderFinds, UncheckedFramesOfEverySizeBehindGarbage) {
  const auto lost = lost_sizes([](const std::string& payload) { return unchecked_frame(payload); });
  EXPECT_TRUE(lost.empty()) << lost.size() << " sizes from " << lost.front() << " to "
                            << lost.back();
}

// A writer killed at any byte of its frame, then good frames by another.
TEST_F(FrameDecoderDamage, TornCheckedFramesCostNothingElse) {
  const std::string torn = checked_frame("a checked frame that is torn somewhere");
  Payloads wanted;
  for (std::size_t kept = 1; kept < torn.size(); ++kept) {
    driver_.give(torn.substr(0, kept));
    for (const char* name : {"one", "two", "three"}) {
      wanted.push_back(name + std::to_string(kept));
      driver_.give(checked_frame(wanted.back()));
    }
  }
  driver_.finish();
  EXPECT_EQ(driver_.payloads(), wanted);
}

// The last digit of its length, read alone, says that the frame ends where it was torn: behind its
// sync bytes, as an empty one would.
TEST_F(FrameDecoderDamage, ATornFrameIsNotTakenForAnEmptyOne) {
  const std::string torn = checked_frame(std::string(640, 't'));
  ASSERT_EQ(torn[1], 5);
  for (std::size_t kept = 1; kept < 20; ++kept) {
    driver_.give(torn.substr(0, kept));
    driver_.stand_empty(std::chrono::seconds(5));
    driver_.give(checked_frame("next"));
  }
  driver_.finish();
  EXPECT_EQ(driver_.payloads(), Payloads(19, "next"));
}

// The same with fields behind them: the message would have nothing but its origin.
TEST_F(FrameDecoderDamage, TheFrontOfATornUncheckedFrameIsNotTakenForAnEmptyOne) {
  const std::string origin =
      test::tag(3, 1) + test::word(std::uint64_t{7}) + test::varint_field(4, 1);
  const std::string front = test::unchecked_body(origin);
  const std::string torn = test::delimited(
      test::unchecked_body(origin + test::payload_field(std::string(16 * 16'384, 't'))));
  ASSERT_EQ(torn[2], static_cast<char>(front.size()));
  driver_.give(torn.substr(0, 5'000));
  driver_.give(unchecked_frame("next"));
  driver_.finish();
  EXPECT_EQ(driver_.payloads(), Payloads{"next"});
  EXPECT_EQ(driver_.counters().bytes_skipped, 5'000U);
}

TEST_F(FrameDecoderDamage, TornUncheckedFrameLosesToTheFramesItSwallowed) {
  const std::string torn = unchecked_frame(std::string(300, 't'));
  Payloads wanted;
  for (std::size_t kept = 1; kept < torn.size(); ++kept) {
    driver_.give(torn.substr(0, kept));
    for (const char* name : {"one", "two", "three"}) {
      wanted.push_back(name + std::to_string(kept));
      driver_.give(unchecked_frame(wanted.back()));
    }
  }
  driver_.finish();
  EXPECT_EQ(driver_.payloads(), wanted);
}

// The swallowed frame crosses the end of the torn one.
TEST_F(FrameDecoderDamage, GoodFrameAcrossTheEndOfATornUncheckedOneWins) {
  const std::string torn = unchecked_frame(std::string(100, 't'));
  const std::string good = unchecked_frame(std::string(500, 'g'));
  driver_.give(torn.substr(0, 60) + good + checked_frame("next"));
  driver_.finish();
  EXPECT_EQ(driver_.payloads(), (Payloads{std::string(500, 'g'), "next"}));
  EXPECT_EQ(driver_.counters().frames_damaged, 1U);
  EXPECT_EQ(driver_.counters().bytes_skipped, 60U);
}

TEST_F(FrameDecoderDamage, GoodFramesBehindATornUncheckedOneDoNotWait) {
  driver_.give(unchecked_frame(std::string(100'000, 't')).substr(0, 5'000));
  driver_.give(checked_frame("at once"));
  EXPECT_EQ(driver_.payloads(), (Payloads{"at once"}));
}

TEST_F(FrameDecoderDamage, ChecksumIsNeverOverruled) {
  const std::string inner = checked_frame("inner") + unchecked_frame("another");
  const std::string outer = checked_frame("front" + inner + "back");
  driver_.give(outer + outer);
  driver_.give_in_pieces(outer, 1);
  driver_.finish();
  const std::string payload = "front" + inner + "back";
  EXPECT_EQ(driver_.payloads(), (Payloads{payload, payload, payload}));
  EXPECT_EQ(driver_.counters().bytes_skipped, 0U);
}

TEST_F(FrameDecoderDamage, EveryChangedByteCostsOneFrameAtMost) {
  const std::string good = test::delimited(
      test::body_of({.writer = 5, .sequence = 2, .topic = "t", .payload = as_byte_view("hit")}));
  const auto numbered = [](std::uint64_t sequence) {
    return test::delimited(
        test::body_of({.writer = 5, .sequence = sequence, .payload = as_byte_view("sound")}));
  };
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      std::string hit = good;
      hit[at] = static_cast<char>(static_cast<unsigned char>(hit[at]) ^ change);
      core::FrameDecoder decoder{{}};
      test::DecoderDriver driver(decoder);
      driver.give(numbered(1) + hit + numbered(3) + numbered(4));
      driver.finish();
      const Payloads got = driver.payloads();
      ASSERT_GE(got.size(), 3U) << at << " xor " << change;
      // With another tag in place of the checksum's, the frame is an unchecked one; and where the
      // length says that it ends behind its sync field, it is an empty one.
      if (got.size() == 4 && (at == 6 || hit[0] == 5)) continue;
      ASSERT_EQ(got, (Payloads{"sound", "sound", "sound"})) << at << " xor " << change;
      ASSERT_EQ(driver.counters().sequence_gaps, 1U);
      ASSERT_EQ(driver.counters().bytes_skipped, hit.size());
    }
  }
}

TEST_F(FrameDecoderDamage, StolenBytesAreAGap) {
  std::string stream;
  core::FrameEncoder encoder;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(encoder.begin({.payload = as_byte_view("a message of some bytes")}));
    stream += as_text(encoder.next_piece());
  }
  driver_.give(stream.substr(0, 777) + stream.substr(2'000));
  driver_.finish();
  const Counters counters = driver_.counters();
  EXPECT_GT(counters.sequence_gaps, 20U);
  EXPECT_EQ(counters.sequence_gaps + counters.messages_delivered, 100U);
}

TEST_F(FrameDecoderDamage, SequenceGapsAreCountedForEachWriter) {
  const auto frame = [](std::uint64_t writer, std::uint64_t sequence) {
    return test::delimited(test::body_of({.writer = writer, .sequence = sequence}));
  };
  driver_.give(frame(1, 10) + frame(2, 1) + frame(1, 11) + frame(2, 2));
  EXPECT_EQ(driver_.counters().sequence_gaps, 0U);
  driver_.give(frame(1, 14));
  EXPECT_EQ(driver_.counters().sequence_gaps, 2U);
  driver_.give(frame(2, 4) + frame(0, 9) + frame(0, 20) + frame(1, 3));
  EXPECT_EQ(driver_.counters().sequence_gaps, 3U);
}

TEST(FrameDecoderNotice, SaysOnceWhatTheStreamLooksLike) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"first line\nsecond line\n", "framing=line"},
      {test::delimited(test::bytes_field(1, "text")) + test::delimited(test::varint_field(2, 7)),
       "framing=varint"},
      {checked_frame("torn").substr(0, 12) + checked_frame("good"), "damaged"},
      {std::string("\x00\xFF\x00", 3), "no frame"}};
  for (const auto& [stream, wanted] : cases) {
    std::vector<std::string> notices;
    core::FrameDecoder decoder({}, [&](std::string_view text) { notices.emplace_back(text); });
    test::DecoderDriver driver(decoder);
    driver.give(stream);
    driver.give("more\n" + stream);
    driver.finish();
    ASSERT_EQ(notices.size(), 1U) << wanted;
    EXPECT_NE(notices[0].find(wanted), std::string::npos) << notices[0];
  }
}

TEST(FrameDecoderNotice, SaysOnceWhatAGapIsLikelyToMean) {
  std::vector<std::string> notices;
  core::FrameDecoder decoder({.max_message = 100},
                             [&](std::string_view text) { notices.emplace_back(text); });
  test::DecoderDriver driver(decoder);
  const auto give = [&](std::uint64_t sequence, std::size_t size) {
    const std::string payload(size, 'p');
    driver.give(test::delimited(
        test::body_of({.writer = 1, .sequence = sequence, .payload = as_byte_view(payload)})));
  };
  give(1, 10);
  give(2, 101);  // dropped here, which is no news
  give(3, 10);
  EXPECT_EQ(driver.counters().sequence_gaps, 1U);
  EXPECT_TRUE(notices.empty());
  give(5, 10);
  give(9, 10);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].find("another process"), std::string::npos) << notices[0];
}

// Nothing that may come in makes it crash, lose count, or say what nobody sent where all is
// checked.
TEST(FrameDecoderRandom, MutatedStreams) {
  test::Random random;
  for (int round = 0; round < 2'000 && !testing::Test::HasFailure(); ++round) {
    core::FrameEncoder encoder;
    std::string stream;
    for (auto left = random.between(1, 8); left > 0; --left) {
      const std::string payload = random.bytes(random.between(0, random.one_in(4) ? 9'000 : 200));
      ASSERT_TRUE(encoder.begin({.payload = as_byte_view(payload)}));
      for (auto piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
        stream += as_text(piece);
      }
      if (random.one_in(3)) stream += unchecked_frame(random.bytes(random.between(0, 50)));
    }
    for (auto left = random.between(1, 6); left > 0 && !stream.empty(); --left) {
      const auto at = random.between(0, stream.size() - 1);
      const auto count = random.between(1, 50);
      switch (random.between(0, 3)) {
        case 0:
          stream[at] = random.bytes(1)[0];
          break;
        case 1:
          stream.erase(at, count);
          break;
        case 2:
          stream.insert(at, random.bytes(count));
          break;
        default:
          stream.insert(at, stream.substr(random.between(0, stream.size() - 1), count));
      }
    }
    core::FrameDecoder decoder({.max_message = 8'000, .reassembly_memory = 20'000});
    test::DecoderDriver driver(decoder);
    driver.give_in_pieces(stream, random.between(1, 5'000));
    if (random.one_in(2)) driver.stand_empty(std::chrono::seconds(5));
    driver.finish();
  }
}

}  // namespace
}  // namespace fifomq
