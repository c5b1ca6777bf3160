// Rule 9: the ledger is exact. (Conformance::TearDown looks at it after every case.)

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule9TheLedgerBalances) {
  constexpr std::uint64_t kMessages = 300;
  constexpr std::size_t kMost = 20'000;
  open();
  Background other([&] {
    for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) {
      must_send(i, varied_size(i, kMost));
      ASSERT_TRUE(keeps_ledger(*sender_)) << "after message " << i;
    }
  });
  for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) {
    must_receive(i, varied_size(i, kMost));
    EXPECT_TRUE(keeps_ledger(*receiver_)) << "after message " << i;
    EXPECT_EQ(receiver_->counters().messages_delivered, i + 1);
  }
  if (HasFailure()) sender_->close();
  other.join();
  if (HasFailure()) return;
  must_receive_nothing();
  EXPECT_EQ(sender_->flush(soon()), SendResult::sent);

  const Counters out = sender_->counters();
  EXPECT_EQ(out.messages_received, kMessages);
  EXPECT_EQ(out.messages_delivered, kMessages);
  EXPECT_EQ(out.messages_pending, 0U);
  EXPECT_EQ(out.dropped(), 0U);
  EXPECT_EQ(out.abandoned, 0U);
  const Counters in = receiver_->counters();
  EXPECT_EQ(in.messages_received, kMessages);
  EXPECT_EQ(in.messages_delivered, kMessages);
  EXPECT_EQ(in.messages_pending, 0U);
  EXPECT_EQ(in.dropped(), 0U);
  EXPECT_EQ(in.bytes_pending, 0U);
  EXPECT_EQ(in.bytes_skipped, 0U);
  EXPECT_EQ(in.frames_damaged, 0U);
  EXPECT_EQ(in.sequence_gaps, 0U);
}

TEST_P(Conformance, Rule9GapsAreCountedWhereTheyMeanLoss) {
  open();
  if (!carries_origin()) GTEST_SKIP() << "Capabilities::carries_origin is not offered";
  // Of the first writer two messages are missing, of the second none.
  const Origin origins[] = {{.writer = 11, .sequence = 1},
                            {.writer = 11, .sequence = 2},
                            {.writer = 22, .sequence = 7},
                            {.writer = 11, .sequence = 5},
                            {.writer = 22, .sequence = 8}};
  for (const Origin& origin : origins) {
    Message message = sample(origin.sequence, 100);
    message.origin = origin;
    must_send(message);
  }
  for (const Origin& origin : origins) must_receive(origin.sequence, 100);
  EXPECT_EQ(receiver_->counters().sequence_gaps, receiver_->capabilities().sequenced ? 2U : 0U);
}

}  // namespace
}  // namespace fifomq::conformance
