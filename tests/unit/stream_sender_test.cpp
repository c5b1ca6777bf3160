// A sender on a sink that takes what the test lets it take: whatever send() says is what a reader
// of the bytes finds.
#include "core/stream_sender.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "decoder_driver.hpp"
#include "support/child.hpp"

namespace fifomq {
namespace {

using core::Framing;
using test::kUnlimited;
using Payloads = std::vector<std::string>;

// What the sink does next, and what it got. `whole` writes take all or nothing, as a pipe does;
// others take what there is room for, as a socket or a terminal does.
struct SinkState {
  std::string taken;
  std::size_t room = kUnlimited;
  bool whole = true;
  core::IoStatus when_full = core::IoStatus::would_block;
  int error = 0;
  bool throws = false;
  int refusals = 0;  // so many writes find no room first, and the next ones do
};

class ScriptedSink final : public core::ByteSink {
 public:
  explicit ScriptedSink(SinkState& state) : state_(state) {}

  void attach(core::Readiness& readiness) override {
    if (state_.refusals > 0) readiness.signal();
  }
  core::IoResult write(ByteView bytes) override {
    EXPECT_LE(bytes.size(), 4096U);
    if (state_.throws) throw Error(Errc::system_failure, "fake:", "cannot be used");
    const bool refused = state_.refusals > 0 && state_.refusals-- > 0;
    if (refused || state_.room == 0 || (state_.whole && bytes.size() > state_.room)) {
      return {.status = state_.when_full, .error = state_.error};
    }
    const std::size_t count = std::min(bytes.size(), state_.room);
    state_.taken += as_text(bytes.first(count));
    if (state_.room != kUnlimited) state_.room -= count;
    return {.status = core::IoStatus::done, .count = count};
  }

 private:
  SinkState& state_;
};

class StreamSenderTest : public testing::TestWithParam<std::tuple<Framing, bool>> {
 protected:
  StreamSenderTest() { sink_.whole = std::get<1>(GetParam()); }

  static Framing framing() { return std::get<0>(GetParam()); }
  std::unique_ptr<Sender> open() {
    return std::make_unique<core::StreamSender>(
        Endpoint::parse("fake:"), Capabilities{}, std::make_unique<ScriptedSink>(sink_),
        core::make_encoder(framing()), std::uint64_t{1} << 20);
  }
  // What a reader gets out of what was written.
  Payloads read() const {
    const auto decoder = core::make_decoder(framing(), {}, "", {});
    test::DecoderDriver driver(*decoder);
    driver.give(sink_.taken);
    driver.finish();
    EXPECT_EQ(driver.counters().frames_damaged, 0U);
    EXPECT_EQ(driver.counters().sequence_gaps, 0U);
    return driver.payloads();
  }

  SinkState sink_;
};

// Room for every number of bytes that a message takes, and one less; also for one of more pages
// than may wait.
TEST_P(StreamSenderTest, ResultSaysWhatAReaderFinds) {
  for (const std::size_t size : std::initializer_list<std::size_t>{10, 9'000, 150'000}) {
    const std::string payload(size, 'p');
    const std::size_t step = size < 100 ? 1 : size / 93;
    for (std::size_t room = 0; room < size + 200 && !HasFailure(); room += step) {
      sink_.taken.clear();
      sink_.room = kUnlimited;
      Payloads wanted{"before"};
      const auto sender = open();
      ASSERT_EQ(sender->send({.payload = as_byte_view("before")}, Deadline::now()),
                SendResult::sent);
      sink_.room = room;
      const SendResult result = sender->send({.payload = as_byte_view(payload)}, Deadline::now());
      if (result == SendResult::sent) wanted.push_back(payload);
      sink_.room = kUnlimited;
      wanted.emplace_back("after");
      ASSERT_EQ(sender->send({.payload = as_byte_view("after")}, Deadline::now()),
                SendResult::sent);
      EXPECT_EQ(read(), wanted) << to_string(result) << " with room for " << room << " of " << size;
      EXPECT_EQ(sender->counters().messages_received, wanted.size());
      EXPECT_EQ(sender->settled(), wanted.size());
      EXPECT_EQ(sender->counters().bytes_out, sink_.taken.size());
    }
  }
}

// Also where a message ends just when no more pages may wait, and there is room a little later.
TEST_P(StreamSenderTest, AMessageOfAnyNumberOfPagesCountsOnce) {
  constexpr std::size_t kMost = 34 * core::kPieceBytes;
  constexpr std::size_t kStep = core::kPieceBytes / 4;
  const std::string payload(kMost, 'p');
  for (std::size_t size = 0; size < kMost; size += kStep) {
    sink_.taken.clear();
    sink_.refusals = 2;
    const auto sender = open();
    ASSERT_EQ(sender->send({.payload = as_byte_view(payload).first(size)},
                           Deadline::after(std::chrono::seconds(10))),
              SendResult::sent);
    ASSERT_EQ(sender->settled(), 1U) << size;
    ASSERT_EQ(sender->counters().messages_pending, 0U) << size;
  }
}

TEST_P(StreamSenderTest, AnAbsentPeerIsNamed) {
  sink_.room = 0;
  sink_.when_full = core::IoStatus::no_peer;
  const auto sender = open();
  EXPECT_EQ(sender->send({.payload = as_byte_view("m")}, Deadline::now()), SendResult::no_peer);
  sink_.room = kUnlimited;
  EXPECT_EQ(sender->send({.payload = as_byte_view("n")}, Deadline::now()), SendResult::sent);
  EXPECT_EQ(read(), (Payloads{"n"}));
}

// At once, or with part of the message gone: what was sent arrives all the same, what was refused
// does not, and is no gap in the numbering.
TEST_P(StreamSenderTest, ASinkThatFailsIsAnErrorAndNotTheEnd) {
  int refused = 0;
  for (const std::size_t room : std::initializer_list<std::size_t>{0, 50, 4'200, 9'000, 50'000}) {
    const std::string payload(room < 50'000 ? 9'000 : 200'000, 'p');
    sink_ = {.taken = {}, .room = kUnlimited, .whole = std::get<1>(GetParam())};
    Payloads wanted{"before"};
    const auto sender = open();
    ASSERT_EQ(sender->send({.payload = as_byte_view("before")}, Deadline::now()), SendResult::sent);
    sink_.room = room;
    sink_.when_full = core::IoStatus::failed;
    sink_.error = EIO;
    for (int i = 0; i < 3; ++i) {
      try {
        EXPECT_EQ(sender->send({.payload = as_byte_view(payload)}, Deadline::never()),
                  SendResult::sent);
        wanted.push_back(payload);
      } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "fake:: cannot write: Input/output error [system_failure]");
        ++refused;
      }
      sink_.room = 30;
    }
    sink_.room = kUnlimited;
    wanted.emplace_back("after");
    ASSERT_EQ(sender->send({.payload = as_byte_view("after")}, Deadline::now()), SendResult::sent);
    EXPECT_EQ(read(), wanted) << "with room for " << room;
    EXPECT_EQ(sender->counters().messages_received, wanted.size());
    EXPECT_EQ(sender->counters().bytes_out, sink_.taken.size());
  }
  EXPECT_GE(refused, 4);
}

TEST_P(StreamSenderTest, TooLargeIsRefusedBeforeAByteLeaves) {
  const auto sender = open();
  const std::string payload((std::size_t{1} << 20) + 1, 'p');
  try {
    sender->send({.payload = as_byte_view(payload)}, Deadline::now());
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "fake:: message too large (1048577 bytes, limit 1048576); max_message= raises the "
                 "limit [too_large]");
  }
  EXPECT_TRUE(sink_.taken.empty());
  EXPECT_EQ(sender->send({.payload = as_byte_view("m")}, Deadline::now()), SendResult::sent);
  EXPECT_EQ(read(), (Payloads{"m"}));
}

TEST_P(StreamSenderTest, ClosedTakesNothing) {
  const auto sender = open();
  sender->close();
  sender->close();
  EXPECT_EQ(sender->send({.payload = as_byte_view("m")}, Deadline::now()), SendResult::closed);
  EXPECT_EQ(sender->flush(Deadline::now()), SendResult::closed);
  EXPECT_TRUE(sink_.taken.empty());
}

// The rest of a message that was sent is owed: it goes out with the sender, if it can.
TEST_P(StreamSenderTest, TheEndPaysWhatIsOwed) {
  const std::string payload(9'000, 'p');
  for (std::size_t room = 1'000; room < 9'100; room += 1'000) {
    sink_ = {.taken = {}, .room = room, .whole = std::get<1>(GetParam())};
    auto sender = open();
    const SendResult result = sender->send({.payload = as_byte_view(payload)}, Deadline::now());
    EXPECT_EQ(sender->settled(), 0U) << room;
    sink_.room = kUnlimited;
    sender.reset();
    EXPECT_EQ(read(), result == SendResult::sent ? Payloads{payload} : Payloads{}) << room;
  }
}

TEST_P(StreamSenderTest, TheEndWaitsForNobody) {
  sink_.room = 5'000;
  auto sender = open();
  sender->send({.payload = as_byte_view(std::string(9'000, 'p'))}, Deadline::now());
  const std::string taken = sink_.taken;
  sink_.room = 0;
  sender.reset();
  EXPECT_EQ(sink_.taken, taken);
}

TEST_P(StreamSenderTest, ASinkThatThrowsAtTheEndIsNobodysTrouble) {
  sink_.room = 5'000;
  sink_.whole = false;
  auto sender = open();
  sender->send({.payload = as_byte_view(std::string(9'000, 'p'))}, Deadline::now());
  const std::string taken = sink_.taken;
  EXPECT_EQ(taken.size(), 5'000U);
  sink_.throws = true;
  sender.reset();
  EXPECT_EQ(sink_.taken, taken);
}

// What the parent owes is the parent's; the child begins as a writer of its own.
TEST_P(StreamSenderTest, AForkedChildOwesNothing) {
  sink_.room = 5'000;
  sink_.whole = false;
  const std::string payload(9'000, 'p');
  const auto sender = open();
  Payloads wanted;
  if (sender->send({.payload = as_byte_view(payload)}, Deadline::now()) == SendResult::sent) {
    wanted.push_back(payload);
  }
  EXPECT_EQ(
      test::status_of_child([&] {
        sink_.taken.clear();
        sink_.room = kUnlimited;
        if (sender->settled() > 0) return 1;
        if (sender->send({.payload = as_byte_view("child")}, Deadline::now()) != SendResult::sent) {
          return 2;
        }
        return read() == Payloads{"child"} ? 0 : 3;
      }),
      0);
  sink_.room = kUnlimited;
  ASSERT_EQ(sender->send({.payload = as_byte_view("parent")}, Deadline::now()), SendResult::sent);
  wanted.emplace_back("parent");
  EXPECT_EQ(read(), wanted);
}

INSTANTIATE_TEST_SUITE_P(Each, StreamSenderTest,
                         testing::Combine(testing::Values(Framing::frame, Framing::u32be,
                                                          Framing::line),
                                          testing::Bool()),
                         [](const auto& named) {
                           const Framing framing = std::get<0>(named.param);
                           return std::string(framing == Framing::frame   ? "frame"
                                              : framing == Framing::u32be ? "u32be"
                                                                          : "line") +
                                  (std::get<1>(named.param) ? "_whole" : "_partial");
                         });

}  // namespace
}  // namespace fifomq
