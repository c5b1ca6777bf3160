// Rules 6 and 10: of the largest message, given up half way again and again, nothing is delivered,
// and no memory stays behind.
#include <malloc.h>

#include <atomic>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

constexpr std::size_t kLargest = std::size_t{64} << 20;
constexpr std::uint64_t kTimes = 4;
constexpr std::uint64_t kNumberOfLarge = 1'000'000;

// What this process's allocator has given out.
std::size_t memory_in_use() {
  const auto now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

TEST_P(Conformance, Rule6TheLargestMessageGivenUpUnreadNeverArrives) {
  const Message large = sample(kNumberOfLarge, kLargest);
  open();
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    must_send(2 * i, 100);
    const SendResult result = sender_->send(large.view(), Deadline::after(milliseconds(100)));
    if (result == SendResult::sent && i == 0) {
      must_receive(0, 100);
      must_receive(large);
      GTEST_SKIP() << "the sender's queue has room for 64 MiB: nothing is given up";
    }
    ASSERT_EQ(result, SendResult::timed_out);
    must_receive(2 * i, 100);
    must_receive_nothing();
    must_pass(2 * i + 1, 100);
    ASSERT_TRUE(keeps_ledger(*sender_) && keeps_ledger(*receiver_));
    EXPECT_EQ(sender_->counters().abandoned, receiver_->counters().cancelled);
  }
  must_receive_nothing();
  if (has_option(link_.receiver, "reassembly_memory")) {
    EXPECT_EQ(sender_->counters().abandoned, kTimes) << "what was begun is counted";
  }
  EXPECT_EQ(sender_->counters().messages_received, 2 * kTimes);
  const Counters in = receiver_->counters();
  EXPECT_EQ(in.messages_delivered, 2 * kTimes);
  EXPECT_EQ(in.dropped(), in.cancelled);
  EXPECT_EQ(in.messages_pending, 0U);
  EXPECT_EQ(in.sequence_gaps, 0U);
}

TEST_P(Conformance, Rule10WhatIsGivenUpHalfReadGivesItsMemoryBack) {
  constexpr std::uint64_t kQuarter = kLargest / 4;
  constexpr std::size_t kSlack = std::size_t{4} << 20;  // one buffer is kept for the next message
  if (!has_option(link_.receiver, "reassembly_memory")) {
    GTEST_SKIP() << "nothing is reassembled here: no option reassembly_memory";
  }
  const Message large = sample(kNumberOfLarge, kLargest);
  open();
  std::size_t after_first = 0;
  for (std::uint64_t i = 0; i < kTimes && !HasFailure(); ++i) {
    const std::uint64_t goal = receiver_->counters().bytes_in + kQuarter;
    std::atomic<bool> done = false;
    SendResult result = SendResult::sent;
    Background other([&] {
      result = sender_->send(large.view(), Deadline::after(milliseconds(400)));
      done = true;
    });
    while (!done && receiver_->counters().bytes_in < goal && !HasFailure()) {
      must_receive_nothing(milliseconds(1));
    }
    other.join();
    EXPECT_EQ(result, SendResult::timed_out);
    EXPECT_EQ(receiver_->counters().messages_pending, 1U);
    must_pass(i, 100);
    EXPECT_EQ(receiver_->counters().cancelled, i + 1);
    EXPECT_EQ(receiver_->counters().messages_pending, 0U);
    EXPECT_EQ(sender_->counters().abandoned, i + 1);
    EXPECT_TRUE(keeps_ledger(*receiver_));
    if (i == 0) after_first = memory_in_use();
  }
  EXPECT_LT(memory_in_use(), after_first + kSlack) << "the memory grew with each message given up";
}

}  // namespace
}  // namespace fifomq::conformance
