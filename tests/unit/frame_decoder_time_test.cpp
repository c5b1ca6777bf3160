// frame_timeout, on a clock of the test's own: nothing here waits.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame_decoder.hpp"
#include "decoder_driver.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using namespace std::chrono_literals;
using test::checked_frame;
using test::fragment_frame;
using Payloads = std::vector<std::string>;

class FrameDecoderTime : public testing::Test {
 protected:
  core::FrameDecoder decoder_{{.frame_timeout = 5s}};
  test::DecoderDriver driver_{decoder_};
};

TEST_F(FrameDecoderTime, NothingHalfDoneNeedsNoClock) {
  EXPECT_FALSE(decoder_.waiting());
  driver_.give(checked_frame("whole"));
  EXPECT_FALSE(decoder_.waiting());
  driver_.stand_empty(1h);
  EXPECT_EQ(driver_.counters().bytes_skipped, 0U);
}

TEST_F(FrameDecoderTime, HalfAFrameIsGivenUpInTime) {
  const std::string torn = checked_frame("half").substr(0, 13);
  driver_.give(torn);
  EXPECT_TRUE(decoder_.waiting());
  driver_.stand_empty(4900ms);
  EXPECT_EQ(driver_.counters().bytes_pending, torn.size());
  driver_.stand_empty(100ms);
  EXPECT_EQ(driver_.counters().bytes_skipped, torn.size());
  EXPECT_EQ(driver_.counters().frames_damaged, 1U);
  EXPECT_FALSE(decoder_.waiting());
  driver_.give(checked_frame("next"));
  EXPECT_EQ(driver_.payloads(), (Payloads{"next"}));
}

TEST_F(FrameDecoderTime, GarbageIsGivenUpInTime) {
  driver_.give("garb");
  driver_.give("age");
  driver_.stand_empty(5s);
  EXPECT_EQ(driver_.counters().bytes_skipped, 7U);
  EXPECT_FALSE(decoder_.waiting());
}

TEST_F(FrameDecoderTime, BytesThatComeStartTheClockAnew) {
  const std::string frame = checked_frame("slowly, but it comes");
  for (const char byte : frame) {
    driver_.give(std::string(1, byte));
    driver_.stand_empty(4s);
  }
  EXPECT_EQ(driver_.payloads(), (Payloads{"slowly, but it comes"}));
  EXPECT_EQ(driver_.counters().bytes_skipped, 0U);
}

TEST_F(FrameDecoderTime, AReaderThatWasAwayTakesNobodyForDead) {
  const std::string frame = checked_frame("in two halves");
  driver_.give(frame.substr(0, 13));
  driver_.stand_empty(0s);
  driver_.pass_time_without_looking(1h);
  driver_.stand_empty(1s);
  EXPECT_EQ(driver_.counters().bytes_skipped, 0U);
  driver_.give(frame.substr(13));
  EXPECT_EQ(driver_.payloads(), (Payloads{"in two halves"}));
}

TEST_F(FrameDecoderTime, HalfAMessageIsGivenUpInTime) {
  const std::string part(100, 'p');
  driver_.give(fragment_frame({.total = 300}, part));
  EXPECT_TRUE(decoder_.waiting());
  driver_.stand_empty(4s);
  driver_.give(fragment_frame({.total = 300, .offset = 100}, part));
  driver_.stand_empty(4s);
  EXPECT_EQ(driver_.counters().messages_pending, 1U);
  driver_.stand_empty(2s);
  EXPECT_EQ(driver_.counters().given_up, 1U);
  EXPECT_EQ(driver_.counters().messages_pending, 0U);
  EXPECT_FALSE(decoder_.waiting());
  driver_.give(fragment_frame({.total = 300, .offset = 200}, part) + checked_frame("next"));
  EXPECT_EQ(driver_.payloads(), (Payloads{"next"})) << "its rest alone is no message";
  driver_.finish();
}

// Others go on writing, so the source is never silent for long; but it has stood empty for
// frame_timeout in all, and no part of the torn frame came: the good ones behind it are not held.
TEST_F(FrameDecoderTime, ATornCheckedFrameDoesNotHoldUpBusyWriters) {
  driver_.give(checked_frame(std::string(1'000'000, 't')).substr(0, 100));
  Payloads wanted;
  for (int i = 0; i < 8; ++i) {
    wanted.push_back("good " + std::to_string(i));
    driver_.give(checked_frame(wanted.back()));
    driver_.stand_empty(1s);
  }
  EXPECT_EQ(driver_.payloads(), wanted);
  EXPECT_EQ(driver_.counters().bytes_skipped, 100U);
}

TEST_F(FrameDecoderTime, AnUncheckedFrameInDoubtIsHandedOutInTheEnd) {
  // Its payload holds what may become a frame.
  const std::string payload = "front" + checked_frame(std::string(5'000, 'x')).substr(0, 20);
  driver_.give(test::unchecked_frame(payload));
  EXPECT_TRUE(driver_.payloads().empty());
  driver_.stand_empty(5s);
  EXPECT_EQ(driver_.payloads(), (Payloads{payload}));
}

TEST_F(FrameDecoderTime, FinishGivesUpWhatIsHalf) {
  driver_.give(fragment_frame({.total = 300}, "part") + checked_frame("torn").substr(0, 9));
  driver_.finish();
  EXPECT_EQ(driver_.counters().given_up, 1U);
  EXPECT_EQ(driver_.counters().frames_damaged, 1U);
}

TEST_F(FrameDecoderTime, WantedTakesNothingOfALaterMessage) {
  // An exact reader: from this point on it takes no more than it is told to.
  std::string stream;
  std::vector<std::size_t> ends;
  for (const std::size_t size : std::initializer_list<std::size_t>{0, 1, 5, 130, 600, 5'000}) {
    const std::string payload(size, 'p');
    stream += size % 2 == 0 ? checked_frame(payload) : test::unchecked_frame(payload);
    ends.push_back(stream.size());
  }
  stream += checked_frame("one more");
  for (std::size_t messages = 1; messages <= ends.size(); ++messages) {
    core::FrameDecoder decoder{{}};
    decoder.read_exactly();
    test::DecoderDriver driver(decoder);
    std::size_t taken = 0;
    while (driver.messages().size() < messages && !HasFailure()) {
      const auto wanted = decoder.wanted(messages - driver.messages().size());
      ASSERT_GE(wanted, 1U);
      ASSERT_LE(taken + wanted, ends[messages - 1]) << "for " << messages;
      driver.give(stream.substr(taken, wanted));
      taken += wanted;
    }
    EXPECT_EQ(taken, ends[messages - 1]);
  }
}

}  // namespace
}  // namespace fifomq
