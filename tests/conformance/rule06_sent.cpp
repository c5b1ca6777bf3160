// Rule 6: `sent` means accepted, whole; any other result means that nothing of it is delivered.
#include <vector>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule6WhatIsFlushedOutlivesItsSender) {
  constexpr std::uint64_t kMessages = 50;
  open();
  for (std::uint64_t i = 0; i < kMessages; ++i) must_send(i, 100);
  EXPECT_EQ(sender_->flush(soon()), SendResult::sent);
  EXPECT_EQ(sender_->counters().messages_pending, 0U);
  EXPECT_TRUE(keeps_ledger(*sender_));
  const bool envelope = carries_origin();
  sender_.reset();
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    MessageView arrived;
    ASSERT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received) << "message " << i;
    ASSERT_TRUE(same(arrived, sample(i, 100), envelope)) << "message " << i;
  }
}

// Room for a part of a large message is no room for the message. All that was accepted comes, in
// order, and of the rest nothing.
TEST_P(Conformance, Rule6RefusedMessagesAreNeverDelivered) {
  constexpr std::uint64_t kTaken = 20;
  constexpr std::uint64_t kLarge = 1'000'000;  // where the large ones' numbers begin
  constexpr std::uint64_t kLast = 2'000'000;
  constexpr std::size_t kLargeSize = std::size_t{1} << 20;
  open();
  std::vector<Message> accepted;
  const auto offer = [&](std::uint64_t index, std::size_t size, milliseconds wait) {
    Message message = sample(index, size);
    const SendResult result = sender_->send(message.view(), in(wait));
    if (result == SendResult::sent) return accepted.push_back(std::move(message));
    EXPECT_EQ(result, SendResult::timed_out);
  };
  const std::uint64_t refused = fill();
  for (std::uint64_t i = kTaken; i < refused; ++i) accepted.push_back(sample(i, kFillSize));
  for (std::uint64_t i = 0; i < kTaken; ++i) must_receive(i, kFillSize);
  for (std::uint64_t i = 0; i < 3; ++i) {
    offer(kLarge + i, kLargeSize, milliseconds(30));
    offer(refused + i, kFillSize, milliseconds(0));
  }
  for (const Message& message : accepted) must_receive(message);
  // What has left of a message that was given up may still stand in the way.
  Background other([this] { must_send(kLast, 10); });
  must_receive(kLast, 10);
  other.join();
  must_receive_nothing();
  EXPECT_EQ(receiver_->counters().sequence_gaps, 0U) << "a refused message used up a number";
  EXPECT_EQ(sender_->counters().abandoned, receiver_->counters().cancelled);
  EXPECT_EQ(sender_->counters().messages_received, accepted.size() + kTaken + 1);
}

TEST_P(Conformance, Rule6SettledCountsNoMoreThanWasAccepted) {
  constexpr std::uint64_t kMessages = 20;
  open();
  std::uint64_t settled = sender_->settled();
  EXPECT_EQ(settled, 0U);
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    must_send(i, 100);
    const std::uint64_t now = sender_->settled();
    EXPECT_GE(now, settled);
    EXPECT_LE(now, i + 1);
    settled = now;
  }
  EXPECT_EQ(sender_->flush(soon()), SendResult::sent);
  if (!sender_->capabilities().acknowledges) {
    EXPECT_EQ(sender_->settled(), kMessages) << "flushed is settled where nothing acknowledges";
  }
  for (std::uint64_t i = 0; i < kMessages; ++i) must_receive(i, 100);
}

TEST_P(Conformance, Rule6ClosedSendersSendNothing) {
  open();
  must_send(0, 100);
  EXPECT_EQ(sender_->flush(soon()), SendResult::sent);
  sender_->close();
  EXPECT_EQ(sender_->send(sample(1, 100).view(), soon()), SendResult::closed);
  EXPECT_EQ(sender_->flush(soon()), SendResult::closed);
  EXPECT_EQ(sender_->counters().messages_received, 1U);
  must_receive(0, 100);
  must_receive_nothing(milliseconds(50));
}

}  // namespace
}  // namespace fifomq::conformance
