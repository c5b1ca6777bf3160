// Sizes are bounded, whatever a stream claims.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame_decoder.hpp"
#include "decoder_driver.hpp"
#include "support/live_memory.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using test::checked_frame;
using test::fragment_frame;
using test::kMiB;
using test::payload_field;
using Payloads = std::vector<std::string>;

TEST(FrameDecoderLimits, LengthsThatLieCostNoMemory) {
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{0xFFFF'FFFF}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    core::FrameDecoder decoder{{}};
    test::DecoderDriver driver(decoder);
    const std::string frame =
        test::varint(lie) + test::unchecked_body(payload_field("the length is a lie"));
    const std::string good = checked_frame("good");
    const std::size_t before = test::live_bytes();
    test::reset_peak();
    driver.give(frame + good);
    driver.finish();
    EXPECT_LT(test::peak_bytes() - before, 16U * 1024) << lie;
    EXPECT_LT(decoder.room(1).size(), 4'096U) << lie;
    EXPECT_EQ(driver.payloads().back(), "good") << lie;
    EXPECT_EQ(driver.counters().bytes_skipped + driver.counters().bytes_in_messages,
              frame.size() + good.size());
  }
}

TEST(FrameDecoderLimits, FragmentSizesThatLieCostNoMemory) {
  for (const std::uint64_t lie : {std::uint64_t{0xFFFF'FFFF}, std::uint64_t{1} << 63,
                                  ~std::uint64_t{0}, std::uint64_t{64 * kMiB}}) {
    core::FrameDecoder decoder{{}};
    test::DecoderDriver driver(decoder);
    const std::size_t before = test::live_bytes();
    test::reset_peak();
    driver.give(fragment_frame({.total = lie}, "a few bytes") + checked_frame("good"));
    EXPECT_LT(test::peak_bytes() - before, 32U * 1024) << lie;
    EXPECT_EQ(driver.payloads(), (Payloads{"good"}));
    EXPECT_EQ(driver.counters().too_large, lie > 64 * kMiB ? 1U : 0U);
    driver.finish();
    EXPECT_EQ(driver.counters().dropped(), 1U);
  }
}

TEST(FrameDecoderLimits, MessageOfExactlyTheLimitPasses) {
  core::FrameDecoder decoder({.max_message = 1'000});
  test::DecoderDriver driver(decoder);
  driver.give(checked_frame(std::string(1'000, 'x')));
  driver.give(checked_frame(std::string(1'001, 'x')));
  driver.give(fragment_frame({.message = 1, .total = 1'000}, std::string(600, 'y')) +
              fragment_frame({.message = 1, .total = 1'000, .offset = 600}, std::string(400, 'y')));
  driver.give(fragment_frame({.message = 2, .total = 1'001}, std::string(600, 'z')) +
              fragment_frame({.message = 2, .total = 1'001, .offset = 600}, std::string(401, 'z')));
  driver.give(checked_frame("next"));
  EXPECT_EQ(driver.counters().messages_pending, 0U);
  driver.finish();
  EXPECT_EQ(driver.payloads(),
            (Payloads{std::string(1'000, 'x'), std::string(1'000, 'y'), "next"}));
  EXPECT_EQ(driver.counters().too_large, 2U);
  EXPECT_EQ(driver.counters().dropped(), 2U);
}

// A foreign writer does not fragment. Its message may be so far over the limit that the last digits
// of its length, read alone, are over it as well: it is one message all the same.
TEST(FrameDecoderLimits, MessageFarOverTheLimitIsOneMessage) {
  for (const std::size_t size :
       std::initializer_list<std::size_t>{5'000, 100'000, 700'000, 5'000'000}) {
    core::FrameDecoder decoder({.max_message = 1'000});
    test::DecoderDriver driver(decoder);
    driver.give(checked_frame("before"));
    driver.give_in_pieces(checked_frame(std::string(size, 'x')), 65'536);
    driver.give(checked_frame("after"));
    driver.finish();
    EXPECT_EQ(driver.payloads(), (Payloads{"before", "after"})) << size;
    EXPECT_EQ(driver.counters().too_large, 1U) << size;
    EXPECT_EQ(driver.counters().messages_received, 3U) << size;
  }
}

TEST(FrameDecoderLimits, TooLargeIsNotHeldInMemory) {
  core::FrameDecoder decoder({.max_message = 1'000});
  test::DecoderDriver driver(decoder);
  const std::string frame = checked_frame(std::string(16 * kMiB, 'x'));
  const std::size_t before = test::live_bytes();
  test::reset_peak();
  driver.give_in_pieces(frame, 65'536);
  EXPECT_LT(test::peak_bytes() - before, 512U * 1024);
}

constexpr std::size_t kStreams = 64;
constexpr std::size_t kPart = 65'536;

// What one round leaves behind: every stream is at `offset`.
void give_round(test::DecoderDriver& driver, std::size_t offset, std::size_t first,
                const std::string& part) {
  for (std::size_t stream = first; stream <= kStreams; ++stream) {
    driver.give(fragment_frame(
        {.stream = static_cast<std::uint32_t>(stream), .total = 64 * kMiB, .offset = offset},
        part));
  }
}

// 64 senders begin 64 MiB each and send them side by side.
TEST(FrameDecoderLimits, HalfSentMessagesStayWithinReassemblyMemory) {
  core::FrameDecoder decoder{{}};
  test::DecoderDriver driver(decoder);
  const std::string part(kPart, 'p');
  const std::size_t before = test::live_bytes();
  test::reset_peak();
  for (std::size_t offset = 0; offset < 5 * kMiB; offset += kPart) {
    give_round(driver, offset, 1, part);
  }
  // Growing a buffer holds the old one beside the new one for a moment.
  EXPECT_LT(test::peak_bytes() - before, 128 * kMiB + 16 * kMiB);
  const Counters halfway = driver.counters();
  EXPECT_GT(halfway.over_memory, 0U);
  EXPECT_EQ(halfway.messages_received, kStreams);
  EXPECT_EQ(halfway.messages_pending + halfway.over_memory, kStreams);
  EXPECT_GT(halfway.messages_pending, 0U) << "those that fit go on";
  driver.give(checked_frame("others are not hit"));
  driver.finish();
  EXPECT_EQ(driver.payloads(), (Payloads{"others are not hit"}));
  EXPECT_EQ(driver.counters().dropped(), kStreams);
  EXPECT_LT(test::live_bytes() - before, 2 * kMiB) << "memory of what was given up is free again";
}

// While bytes keep coming no clock says that a writer is dead, but its memory is needed.
TEST(FrameDecoderLimits, DeadSendersDoNotKeepTheirMemory) {
  constexpr std::size_t kLimit = 262'144;
  core::FrameDecoder decoder({.max_message = kLimit, .reassembly_memory = kLimit});
  test::DecoderDriver driver(decoder);
  const std::string half(kLimit / 2, 'h');
  driver.give(fragment_frame({.stream = 1, .total = kLimit}, half));
  driver.give(checked_frame(std::string(kLimit, 'x')));
  driver.give(fragment_frame({.stream = 2, .total = kLimit}, half) +
              fragment_frame({.stream = 2, .total = kLimit, .offset = kLimit / 2}, half));
  EXPECT_EQ(driver.messages().size(), 2U);
  EXPECT_EQ(driver.counters().given_up, 1U);
  driver.finish();
}

TEST(FrameDecoderLimits, ManyStreamsOfNearlyNothingAreBoundedToo) {
  core::FrameDecoder decoder({.reassembly_memory = kMiB});
  test::DecoderDriver driver(decoder);
  const std::size_t before = test::live_bytes();
  for (std::uint32_t stream = 1; stream <= 10'000; ++stream) {
    driver.give(fragment_frame({.stream = stream, .total = 2}, "a"));
  }
  EXPECT_LT(test::live_bytes() - before, 2 * kMiB);
  EXPECT_EQ(driver.counters().messages_received, 10'000U);
  EXPECT_GT(driver.counters().over_memory, 9'000U);
  driver.finish();
}

// The table is full, and as much as a whole message has gone by since its oldest entry was heard
// of.
TEST(FrameDecoderLimits, DeadSendersDoNotKeepTheirEntry) {
  constexpr std::uint32_t kMost = 16;
  for (const bool refused : {false, true}) {
    core::FrameDecoder decoder({.max_message = 10'000, .reassembly_memory = kMiB});
    test::DecoderDriver driver(decoder);
    const std::size_t offset = refused ? 1 : 0;
    driver.give(fragment_frame({.stream = 1, .total = 3, .offset = offset}, "a"));
    EXPECT_EQ(driver.counters().given_up, refused ? 1U : 0U) << "its beginning is missing";
    for (std::uint32_t stream = 2; stream <= kMost + 1; ++stream) {
      driver.give(fragment_frame({.stream = stream, .total = 2}, "a"));
    }
    EXPECT_EQ(driver.counters().over_memory, 1U) << "nobody is dead yet";
    driver.give(checked_frame(std::string(10'000, 'x')));
    driver.give(fragment_frame({.stream = kMost + 2, .total = 2}, "a"));
    driver.give(fragment_frame({.stream = kMost + 2, .total = 2, .offset = 1}, "b"));
    EXPECT_EQ(driver.payloads().back(), "ab");
    EXPECT_EQ(driver.counters().given_up, 1U);
    driver.give(fragment_frame({.stream = 2, .total = 2, .offset = 1}, "b"));
    EXPECT_EQ(driver.payloads().size(), 3U) << "the others keep theirs";
    driver.finish();
  }
}

}  // namespace
}  // namespace fifomq
