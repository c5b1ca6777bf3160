// A sender on a sink that takes what the test lets it take: whatever send() says is what a reader
// of the bytes finds.
#include "core/stream_sender.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "decoder_driver.hpp"

namespace fifomq {
namespace {

using core::Framing;
using Payloads = std::vector<std::string>;

constexpr std::size_t kUnlimited = ~std::size_t{0};

// What the sink does next, and what it got. `whole` writes take all or nothing, as a pipe does;
// others take what there is room for, as a socket or a terminal does.
struct SinkState {
  std::string taken;
  std::size_t room = kUnlimited;
  bool whole = true;
  core::IoStatus when_full = core::IoStatus::would_block;
};

class ScriptedSink final : public core::ByteSink {
 public:
  explicit ScriptedSink(SinkState& state) : state_(state) {}

  void attach(core::Readiness&) override {}
  core::IoResult write(ByteView bytes) override {
    EXPECT_LE(bytes.size(), 4096U);
    if (state_.room == 0 || (state_.whole && bytes.size() > state_.room)) {
      return {.status = state_.when_full};
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

// Room for every number of bytes that a message takes, and one less.
TEST_P(StreamSenderTest, ResultSaysWhatAReaderFinds) {
  for (const std::size_t size : std::initializer_list<std::size_t>{10, 9'000}) {
    const std::string payload(size, 'p');
    for (std::size_t room = 0; room < size + 200 && !HasFailure(); room += size < 100 ? 1 : 97) {
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

TEST_P(StreamSenderTest, AnAbsentPeerIsNamed) {
  sink_.room = 0;
  sink_.when_full = core::IoStatus::no_peer;
  const auto sender = open();
  EXPECT_EQ(sender->send({.payload = as_byte_view("m")}, Deadline::now()), SendResult::no_peer);
  sink_.room = kUnlimited;
  EXPECT_EQ(sender->send({.payload = as_byte_view("n")}, Deadline::now()), SendResult::sent);
  EXPECT_EQ(read(), (Payloads{"n"}));
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
