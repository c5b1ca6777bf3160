// However a stream is cut up on its way, the same messages come out of it and the same is counted.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame_decoder.hpp"
#include "decoder_driver.hpp"
#include "support/random.hpp"
#include "support/sanitized.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using test::checked_frame;
using test::fragment_frame;
using test::payload_field;
using test::unchecked_frame;

struct Result {
  std::vector<std::string> payloads;
  Counters counters;
  friend bool operator==(const Result&, const Result&) = default;
  friend void PrintTo(const Result& result, std::ostream* out) {  // NOLINT: GoogleTest's name
    PrintTo(result.counters, out);
    *out << testing::PrintToString(result.payloads);
  }
};

// `first` bytes at once, then pieces of `piece` bytes.
Result decode(std::string_view stream, std::size_t first, std::size_t piece,
              const core::DecoderLimits& limits = {}) {
  core::FrameDecoder decoder(limits);
  test::DecoderDriver driver(decoder);
  driver.give(stream.substr(0, first));
  driver.give_in_pieces(stream.substr(first), piece);
  driver.finish();
  return {driver.payloads(), driver.counters()};
}

void expect_same_at_every_split(std::string_view stream, const core::DecoderLimits& limits = {}) {
  const Result whole = decode(stream, stream.size(), 1, limits);
  int differing = 0;
  const auto compare = [&](const Result& result, const std::string& how) {
    if (result == whole || ++differing > 3) return;
    EXPECT_EQ(result.payloads, whole.payloads) << how;
    EXPECT_EQ(result.counters, whole.counters) << how;
  };
  for (std::size_t at = 0; at <= stream.size(); ++at) {
    compare(decode(stream, at, stream.size(), limits), "split at " + std::to_string(at));
  }
  for (const std::size_t piece : std::initializer_list<std::size_t>{1, 2, 3, 5, 7, 64, 100}) {
    compare(decode(stream, 0, piece, limits), "in pieces of " + std::to_string(piece));
  }
  EXPECT_EQ(differing, 0);
}

// Everything that a sound stream may hold.
std::string sound_stream() {
  const std::string big(1'500, 'b');
  std::string stream;
  stream += checked_frame("checked");
  stream += unchecked_frame("unchecked");
  stream += checked_frame("");
  stream += unchecked_frame("");
  stream += test::delimited(test::checked_body(
      payload_field("out of order") + test::varint_field(13, 5) + test::bytes_field(5, "topic")));
  stream += test::delimited(test::body_of({.writer = 3, .sequence = 1, .payload = {}}));
  stream += test::delimited(test::body_of({.writer = 3, .sequence = 4, .payload = {}}));
  stream += fragment_frame({.stream = 1, .message = 1, .total = 3'000}, big);
  stream += fragment_frame({.stream = 2, .message = 1, .total = 1'501}, big);
  stream += checked_frame("between fragments");
  stream += fragment_frame({.stream = 1, .message = 1, .total = 3'000, .offset = 1'500}, big);
  stream += fragment_frame({.stream = 2, .message = 1, .total = 1'501}, "");
  stream += fragment_frame({.stream = 2, .message = 2, .total = 3}, "ab");
  stream += fragment_frame({.stream = 2, .message = 2, .total = 3, .offset = 2}, "c");
  stream += checked_frame("holds " + checked_frame("a frame") + unchecked_frame("or two"));
  return stream;
}

TEST(FrameDecoderSplit, SoundStream) {
  const std::string stream = sound_stream();
  const Result whole = decode(stream, stream.size(), 1);
  ASSERT_EQ(whole.payloads.size(), 11U);
  EXPECT_EQ(whole.payloads[8], std::string(3'000, 'b'));
  EXPECT_EQ(whole.payloads[9], "abc");
  EXPECT_EQ(whole.counters.sequence_gaps, 2U);
  EXPECT_EQ(whole.counters.cancelled, 1U);
  EXPECT_EQ(whole.counters.frames_damaged, 0U);
  expect_same_at_every_split(stream);
}

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
  return bytes;
}

// What may stand between two good frames.
struct Damage {
  const char* name;
  std::string bytes;

  friend void PrintTo(const Damage& damage, std::ostream* out) {  // NOLINT: GoogleTest's name
    *out << damage.name;
  }
};

std::vector<Damage> damages() {
  const std::string frame = checked_frame("a frame of some length, which is damaged or cut");
  const std::string bare = unchecked_frame("a frame of some length, which is damaged or cut");
  const std::string body = test::unchecked_body(payload_field("xyz"));
  return {
      {"text", "some text\nthat is no frame\n"},
      {"zero_length", std::string(1, '\0')},
      {"zeros", std::string(30, '\0')},
      {"all_ones", std::string(30, '\xFF')},
      {"flip_in_length", flipped(frame, 0)},
      {"flip_in_sync", flipped(frame, 3)},
      {"flip_in_checksum", flipped(frame, 7)},
      {"flip_in_payload", flipped(frame, 30)},
      {"torn_checked", frame.substr(0, 25)},
      {"torn_checked_in_checksum", frame.substr(0, 8)},
      {"torn_in_sync", frame.substr(0, 3)},
      {"torn_behind_sync", frame.substr(0, 6)},
      {"torn_length", std::string(1, '\x80')},
      {"torn_unchecked", bare.substr(0, 25)},
      {"sync_alone", std::string(core::kFrameBeginning)},
      {"sync_twice", std::string(core::kFrameBeginning) + std::string(core::kFrameBeginning)},
      {"length_too_short", test::varint(body.size() - 2) + body},
      {"length_too_long", test::varint(body.size() + 9) + body},
      {"length_not_minimal",
       std::string(1, static_cast<char>(0x80 | body.size())) + std::string(1, '\0') + body},
      {"length_2_32", test::varint(0xFFFF'FFFF) + body},
      {"length_2_35", test::varint((std::uint64_t{1} << 35) - 1) + body},
      {"length_2_36", test::varint(std::uint64_t{1} << 36) + body},
      {"length_2_63", test::varint(std::uint64_t{1} << 63) + body},
      {"length_most", test::varint(~std::uint64_t{0}) + body},
      {"text_then_broken_frame", "text" + flipped(frame, 14)},
      {"text_then_torn_frame", "text" + frame.substr(0, 25)},
      {"bad_structure", test::delimited(test::unchecked_body("\x78\x01"))},
      {"text_then_bad_structure", "text" + test::delimited(test::unchecked_body("\x78\x01"))},
  };
}

class FrameDecoderDamageSplit : public testing::TestWithParam<Damage> {};

TEST_P(FrameDecoderDamageSplit, SameMessagesAndCounters) {
  std::string stream = checked_frame("before") + GetParam().bytes + checked_frame("after");
  stream += unchecked_frame("and more") + checked_frame("last");
  const Result whole = decode(stream, stream.size(), 1);
  EXPECT_EQ(whole.payloads, (std::vector<std::string>{"before", "after", "and more", "last"}));
  EXPECT_EQ(whole.counters.bytes_skipped, GetParam().bytes.size());
  expect_same_at_every_split(stream);
}

INSTANTIATE_TEST_SUITE_P(Each, FrameDecoderDamageSplit, testing::ValuesIn(damages()),
                         [](const auto& named) { return std::string(named.param.name); });

TEST(FrameDecoderSplit, EverythingAtOnce) {
  std::string stream = sound_stream();
  std::size_t good = 11;
  for (const Damage& damage : damages()) {
    stream += damage.bytes + checked_frame("behind " + std::string(damage.name));
    ++good;
  }
  EXPECT_EQ(decode(stream, stream.size(), 1).payloads.size(), good);
  expect_same_at_every_split(stream);
}

// 64 KiB that hold every feature and every kind of damage, several times over, each time beside
// others and with payloads of other sizes.
std::string full_stream(std::size_t size) {
  const std::vector<Damage> kinds = damages();
  std::string stream = sound_stream();
  for (std::size_t i = 0; stream.size() < size; ++i) {
    const std::string payload(i * 7 % 300, static_cast<char>('a' + i % 26));
    const Damage& damage = kinds[i * 11 % kinds.size()];
    stream += damage.bytes;
    stream += i % 5 == 0 ? unchecked_frame(payload) : checked_frame(payload);
    if (i % 3 == 0) stream += kinds[i % kinds.size()].bytes + damage.bytes;
    // Torn, so that what follows begins inside of it, also across its end.
    if (i % 4 == 0) stream += unchecked_frame(payload).substr(0, payload.size() / 2 + 3);
    if (i % 16 == 0) stream += checked_frame(std::string(1'600, 'L'));  // over the limit
    if (i % 40 == 0) stream += sound_stream();
    // Half messages: given up when the next one of the stream begins, or over the memory.
    if (i % 20 == 0)
      stream += fragment_frame({.stream = 9, .message = i + 1, .total = 500}, "half");
    if (i % 60 == 0) {
      for (std::uint32_t id = 20; id < 23; ++id) {
        stream += fragment_frame({.stream = id, .message = i + 1, .total = 3'000},
                                 std::string(1'400, 'm'));
      }
    }
  }
  return stream.substr(0, size);
}

class FrameDecoderSweep : public testing::TestWithParam<std::size_t> {
 protected:
  static constexpr std::size_t kShards = 16;
};

TEST_P(FrameDecoderSweep, EverySplitPointOf64KiB) {
  constexpr std::size_t kSize = 65'536;
  constexpr core::DecoderLimits kLimits{.max_message = 3'000, .reassembly_memory = 6'000};
  constexpr std::size_t kStep = test::kSanitized ? 31 * kShards : kShards;
  if (test::kSanitized) std::cout << "slowed down by a sanitizer: every 31st split point\n";
  const std::string stream = full_stream(kSize);
  const Result whole = decode(stream, kSize, 1, kLimits);
  std::cout << testing::PrintToString(whole.counters) << "\n";
  ASSERT_GT(whole.counters.messages_delivered, 100U);
  ASSERT_GT(whole.counters.frames_damaged, 100U);
  ASSERT_GT(whole.counters.too_large, 0U);
  ASSERT_GT(whole.counters.cancelled, 0U);
  ASSERT_GT(whole.counters.given_up, 0U);
  ASSERT_GT(whole.counters.over_memory, 0U);
  ASSERT_GT(whole.counters.sequence_gaps, 0U);
  for (std::size_t at = GetParam(); at <= kSize; at += kStep) {
    const Result split = decode(stream, at, kSize, kLimits);
    ASSERT_EQ(split.counters, whole.counters) << "split at " << at;
    ASSERT_TRUE(split.payloads == whole.payloads) << "split at " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Shard, FrameDecoderSweep, testing::Range<std::size_t>(0, 16));

// A foreign frame is whole but over the limit. How far its length is over decides which of its
// digits look like a length of their own.
TEST(FrameDecoderSplit, TooLargeIsCountedOnce) {
  const core::DecoderLimits limits{.max_message = 1'000};
  for (const std::size_t size : std::initializer_list<std::size_t>{1'001, 4'200, 4'300, 20'000}) {
    const std::string stream =
        checked_frame("before") + checked_frame(std::string(size, 'x')) + checked_frame("after");
    const Result whole = decode(stream, stream.size(), 1, limits);
    EXPECT_EQ(whole.payloads, (std::vector<std::string>{"before", "after"})) << size;
    EXPECT_EQ(whole.counters.too_large, 1U) << size;
    for (const std::size_t piece : std::initializer_list<std::size_t>{1, 10, 1'000}) {
      EXPECT_EQ(decode(stream, 0, piece, limits), whole) << size << " in pieces of " << piece;
    }
  }
}

// Random streams of good frames and damage, cut at random.
TEST(FrameDecoderSplit, RandomStreamsCutAtRandom) {
  test::Random random;
  const auto damage = damages();
  for (int round = 0; round < 300 && !testing::Test::HasFailure(); ++round) {
    std::string stream;
    for (auto left = random.between(1, 20); left > 0; --left) {
      const std::string payload = random.bytes(random.between(0, 300));
      switch (random.between(0, 3)) {
        case 0:
          stream += damage[random.between(0, damage.size() - 1)].bytes;
          break;
        case 1:
          stream += unchecked_frame(payload);
          break;
        default:
          stream += checked_frame(payload);
      }
    }
    const Result whole = decode(stream, stream.size(), 1);
    for (int cut = 0; cut < 10; ++cut) {
      const auto first = random.between(0, stream.size());
      const auto piece = random.between(1, 200);
      EXPECT_EQ(decode(stream, first, piece), whole)
          << "round " << round << ", " << first << " bytes, then pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace fifomq
