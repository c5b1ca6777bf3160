// Fragments put together, one message at a time for each stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
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
using test::Fragment;
using test::fragment_frame;
using Payloads = std::vector<std::string>;

class Reassembly : public testing::Test {
 protected:
  void give(const Fragment& fragment, std::string_view payload) {
    driver_.give(fragment_frame(fragment, payload));
  }

  core::FrameDecoder decoder_{{}};
  test::DecoderDriver driver_{decoder_};
};

// Several senders on one pipe: their pieces come in any order, each sender's in its own.
TEST_F(Reassembly, PiecesOfManySendersMix) {
  test::Random random;
  std::vector<std::vector<std::string>> pieces(16);
  std::vector<Payloads> sent(pieces.size());
  for (std::size_t writer = 0; writer < pieces.size(); ++writer) {
    core::FrameEncoder encoder;
    const std::string topic = std::to_string(writer);
    for (int i = 0; i < 10; ++i) {
      sent[writer].push_back(random.bytes(random.between(0, 40'000)));
      ASSERT_TRUE(encoder.begin({.payload = as_byte_view(sent[writer].back()), .topic = topic}));
      for (auto piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
        pieces[writer].emplace_back(as_text(piece));
      }
    }
    std::ranges::reverse(pieces[writer]);
  }
  while (std::ranges::any_of(pieces, [](const auto& left) { return !left.empty(); })) {
    auto& writer = pieces[random.between(0, pieces.size() - 1)];
    if (writer.empty()) continue;
    driver_.give(writer.back());
    writer.pop_back();
  }
  driver_.finish();
  std::vector<Payloads> received(pieces.size());
  for (const Message& message : driver_.messages()) {
    received[std::stoul(message.topic)].emplace_back(as_text(message.payload));
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(driver_.counters().sequence_gaps, 0U);
  EXPECT_EQ(driver_.counters().dropped(), 0U);
}

TEST_F(Reassembly, AMissingFragmentCostsItsMessageOnly) {
  give({.message = 1, .total = 9}, "abc");
  give({.message = 1, .total = 9, .offset = 6}, "ghi");
  EXPECT_EQ(driver_.counters().given_up, 1U);
  EXPECT_EQ(driver_.counters().messages_pending, 0U);
  give({.message = 2, .total = 2}, "x");
  give({.message = 2, .total = 2, .offset = 1}, "y");
  EXPECT_EQ(driver_.payloads(), (Payloads{"xy"}));
  driver_.finish();
  EXPECT_EQ(driver_.counters().messages_received, 2U);
}

TEST_F(Reassembly, AMissingBeginningIsCountedOnce) {
  give({.message = 5, .total = 9, .offset = 3}, "def");
  give({.message = 5, .total = 9, .offset = 6}, "ghi");
  EXPECT_EQ(driver_.counters().messages_received, 1U);
  EXPECT_EQ(driver_.counters().given_up, 1U);
  driver_.finish();
  EXPECT_EQ(driver_.counters().dropped(), 1U);
}

TEST_F(Reassembly, AMissingEndShowsWithTheNextMessage) {
  give({.message = 1, .total = 9}, "abc");
  give({.message = 2, .total = 2}, "x");
  EXPECT_EQ(driver_.counters().given_up, 1U);
  EXPECT_EQ(driver_.counters().messages_pending, 1U);
  give({.message = 2, .total = 2, .offset = 1}, "y");
  EXPECT_EQ(driver_.payloads(), (Payloads{"xy"}));
}

TEST_F(Reassembly, AFragmentTwiceIsOutOfOrder) {
  give({.total = 9}, "abc");
  give({.total = 9}, "abc");
  EXPECT_EQ(driver_.counters().given_up, 1U);
  give({.total = 9, .offset = 3}, "def");
  give({.total = 9, .offset = 6}, "ghi");
  driver_.finish();
  EXPECT_TRUE(driver_.payloads().empty());
  EXPECT_EQ(driver_.counters().messages_received, 1U);
}

TEST_F(Reassembly, AnotherTotalIsRefused) {
  give({.total = 9}, "abc");
  give({.total = 8, .offset = 3}, "defgh");
  EXPECT_EQ(driver_.counters().given_up, 1U);
  driver_.finish();
  EXPECT_TRUE(driver_.payloads().empty());
}

TEST_F(Reassembly, CancelDropsTheMessageAndNothingElse) {
  give({.stream = 1, .total = 9}, "abc");
  give({.stream = 2, .total = 4}, "12");
  give({.stream = 1, .total = 9}, "");
  EXPECT_EQ(driver_.counters().cancelled, 1U);
  give({.stream = 1, .total = 9}, "");
  give({.stream = 3, .message = 8, .total = 9}, "");
  EXPECT_EQ(driver_.counters().cancelled, 1U) << "there was nothing left to cancel";
  give({.stream = 2, .total = 4, .offset = 2}, "34");
  EXPECT_EQ(driver_.payloads(), (Payloads{"1234"}));
  EXPECT_FALSE(decoder_.waiting());
  driver_.finish();
  EXPECT_EQ(driver_.counters().messages_received, 2U);
}

TEST_F(Reassembly, CancelAfterRefusalIsCountedOnce) {
  give({.total = 9}, "abc");
  give({.total = 9, .offset = 6}, "ghi");
  give({.total = 9}, "");
  driver_.finish();
  EXPECT_EQ(driver_.counters().dropped(), 1U);
  EXPECT_EQ(driver_.counters().given_up, 1U);
}

TEST_F(Reassembly, WholeMessagesOvertakeHalfOnes) {
  give({.total = 2}, "a");
  driver_.give(checked_frame("whole"));
  EXPECT_EQ(driver_.payloads(), (Payloads{"whole"}));
  give({.total = 2, .offset = 1}, "b");
  EXPECT_EQ(driver_.payloads(), (Payloads{"whole", "ab"}));
}

TEST_F(Reassembly, OneFragmentMayBeAllOfAMessage) {
  give({.total = 3}, "abc");
  EXPECT_EQ(driver_.payloads(), (Payloads{"abc"}));
  EXPECT_FALSE(decoder_.waiting());
}

TEST_F(Reassembly, FirstFragmentBringsTheFields) {
  const std::string unknown = test::varint_field(13, 5);
  driver_.give(test::delimited(test::body_of({.writer = 7,
                                              .sequence = 3,
                                              .topic = "topic",
                                              .type = "type",
                                              .sent_unix_nanos = 11,
                                              .hops = 2,
                                              .stream = 4,
                                              .fragment_of = 1,
                                              .total_size = 2,
                                              .payload = as_byte_view("a"),
                                              .unknown_fields = as_byte_view(unknown)})));
  give({.stream = 4, .total = 2, .offset = 1}, "b");
  ASSERT_EQ(driver_.messages().size(), 1U);
  const Message& message = driver_.messages()[0];
  EXPECT_EQ(as_text(message.payload), "ab");
  EXPECT_EQ(message.topic, "topic");
  EXPECT_EQ(message.type, "type");
  EXPECT_EQ(message.origin, (Origin{7, 3}));
  EXPECT_EQ(message.sent_unix_nanos, 11U);
  EXPECT_EQ(message.hops, 2U);
  EXPECT_EQ(as_text(message.unknown_fields), unknown);
}

// Ours puts them into the first; a foreign writer may spread them.
TEST_F(Reassembly, LaterFragmentsMayBringUnknownFieldsUpToTheirBound) {
  const std::string first = test::varint_field(13, 5);
  const std::string second = test::bytes_field(14, "later");
  const std::string too_much = test::bytes_field(14, std::string(core::kMaxUnknownBytes - 10, 'x'));
  std::uint64_t offset = 0;
  for (const std::string& unknown : {first, second, too_much, std::string()}) {
    driver_.give(test::delimited(test::body_of({.stream = 4,
                                                .fragment_of = 1,
                                                .total_size = 4,
                                                .offset = offset++,
                                                .payload = as_byte_view("a"),
                                                .unknown_fields = as_byte_view(unknown)})));
  }
  ASSERT_EQ(driver_.payloads(), (Payloads{"aaaa"}));
  EXPECT_EQ(as_text(driver_.messages()[0].unknown_fields), first + second);
}

}  // namespace
}  // namespace fifomq
