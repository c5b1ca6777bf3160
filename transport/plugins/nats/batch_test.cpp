// batch=SIZE: what a plain client finds on the wire, and what our receivers make of a part of it.
#include <algorithm>
#include <string>
#include <vector>

#include "core/frame_batch.hpp"
#include "core/frame_body.hpp"
#include "nats_case_test.hpp"

namespace fifomq::jetstream {
namespace {

constexpr int kTen = 10;

class NatsBatch : public NatsCase {
 protected:
  // While the server does not answer, what comes first leaves in two at most, and the rest
  // together.
  void send_ten() {
    const auto sender = registry_.open_sender(endpoint("s", "&batch=64KiB"));
    server_.stop();
    for (int i = 0; i < kTen; ++i) send(*sender, std::to_string(i));
    server_.go_on();
    ASSERT_EQ(sender->flush(soon()), SendResult::sent);
    EXPECT_EQ(sender->settled(), static_cast<std::uint64_t>(kTen));
    EXPECT_TRUE(sender->counters().balanced());
  }
  static void expect_from(Receiver& receiver, int first, int end) {
    for (int i = first; i < end; ++i) expect(receiver, std::to_string(i));
  }
  static void expect_end(Receiver& receiver) {
    MessageView message;
    EXPECT_EQ(receiver.receive(message, soon()), ReceiveResult::end_of_stream);
    EXPECT_TRUE(receiver.counters().balanced());
    EXPECT_EQ(receiver.counters().messages_pending, 0U);
  }
};

TEST_F(NatsBatch, WhatComesWhileTheServerIsBusyGoesTogether) {
  registry_.open_sender(endpoint("s"));  // it makes the stream
  PlainClient client(server_);
  client.listen("s");
  send_ten();
  const std::vector<std::string> bodies = client.bodies();
  EXPECT_LE(bodies.size(), 3U);
  std::uint64_t frames = 0;
  for (const std::string& body : bodies) {
    const std::uint64_t count = core::FramesOfBody(as_byte_view(body)).left();
    EXPECT_EQ(core::is_batch(as_byte_view(body)), count > 1);
    frames += count;
  }
  EXPECT_EQ(frames, static_cast<std::uint64_t>(kTen));
  const auto receiver = registry_.open_receiver(endpoint("s"));
  expect_from(*receiver, 0, kTen);
  EXPECT_EQ(receiver->counters().sequence_gaps, 0U);
}

TEST_F(NatsBatch, TheRestOfOneIsTheNextReceivers) {
  send_ten();
  for (int first = 0; first < kTen; first += 4) {
    const auto receiver = registry_.open_receiver(endpoint("s"), {.take_at_most = 4});
    const int end = std::min(first + 4, kTen);
    expect_from(*receiver, first, end);
    if (end == first + 4) expect_end(*receiver);
  }
}

TEST_F(NatsBatch, WhatIsCommittedOfOneDoesNotComeAgain) {
  send_ten();
  for (int first = 0; first < kTen; first += 3) {
    const auto receiver = registry_.open_receiver(endpoint("s"), {.explicit_commit = true});
    expect_from(*receiver, first, kTen);
    receiver->commit(3);
    EXPECT_TRUE(receiver->counters().balanced());
  }
  const auto receiver = registry_.open_receiver(endpoint("s"), {.explicit_commit = true});
  send_to("s", 1);
  expect(*receiver, "s");
}

TEST_F(NatsBatch, AReceiverThatIsToStopHandsTheRestOut) {
  send_ten();
  auto receiver = registry_.open_receiver(endpoint("s"), {.explicit_commit = true});
  int taken = 5;
  expect_from(*receiver, 0, taken);
  receiver->stop_taking();
  MessageView message;
  while (receiver->receive(message, soon()) == ReceiveResult::received) {
    EXPECT_EQ(as_text(message.payload), std::to_string(taken));
    ++taken;
  }
  expect_end(*receiver);
  receiver->commit(static_cast<std::uint64_t>(taken));
  receiver = registry_.open_receiver(endpoint("s", "&durable=other"));
  expect_from(*receiver, 0, kTen);
  receiver = registry_.open_receiver(endpoint("s"), {.explicit_commit = true});
  expect_from(*receiver, taken, kTen);
}

TEST_F(NatsBatch, OneThatIsCutOffGivesWhatIsWhole) {
  const auto receiver = registry_.open_receiver(endpoint("s"), {.explicit_commit = true});
  const Origin origin{.writer = 1, .sequence = 1};
  const MessageView message{.payload = as_byte_view("whole"), .origin = origin};
  const core::FrameBody frame(message);
  std::string batch(2 * frame.delimited_size(), '\0');
  auto* const out = reinterpret_cast<std::byte*>(batch.data());
  frame.write_delimited(frame.write_delimited(out));
  batch.pop_back();
  PlainClient(server_).publish("s", batch);
  send_to("s", 1);
  expect(*receiver, "whole");
  expect(*receiver, "s");
  EXPECT_EQ(receiver->counters().undecodable, 1U);
  EXPECT_TRUE(receiver->counters().balanced());
}

}  // namespace
}  // namespace fifomq::jetstream
