// Rule 8: full means back pressure, nobody there is something else, and what is dropped on request
// is counted.
#include <vector>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule8FullIsBackPressure) {
  open();
  if (!sender_->capabilities().back_pressure) {
    GTEST_SKIP() << "Capabilities::back_pressure is not offered";
  }
  const std::uint64_t accepted = fill();
  EXPECT_EQ(sender_->counters().messages_received, accepted);
  EXPECT_EQ(sender_->counters().dropped(), 0U);
  for (std::uint64_t i = 0; i < accepted && !HasFailure(); ++i) must_receive(i, kFillSize);
  must_receive_nothing();
  must_send(accepted, kFillSize);
  must_receive(accepted, kFillSize);
  EXPECT_EQ(receiver_->counters().dropped(), 0U);
}

TEST_P(Conformance, Rule8NobodyThereIsNoPeer) {
  open_sender();
  if (!sender_->capabilities().sees_peer) {
    GTEST_SKIP() << "Capabilities::sees_peer is not offered";
  }
  for (const milliseconds wait : {milliseconds(0), milliseconds(200)}) {
    const Stopwatch watch;
    EXPECT_EQ(sender_->send(sample(0, 100).view(), in(wait)), SendResult::no_peer);
    EXPECT_TRUE(watch.kept(wait));
  }
  EXPECT_EQ(sender_->counters().messages_received, 0U);
  open_receiver();
  must_send(1, 100);
  MessageView arrived;
  ASSERT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
  EXPECT_TRUE(same(arrived, sample(1, 100), carries_origin()));
  if (carries_origin()) {
    EXPECT_EQ(arrived.origin->sequence, 1U) << "a refused message used up a number";
  }
  must_receive_nothing();
}

TEST_P(Conformance, Rule8DropsOnRequestAreCounted) {
  if (!has_option(link().sender, "on_full"))
    GTEST_SKIP() << "nothing drops here: no option on_full";
  open({}, "on_full=drop-new");
  constexpr std::uint64_t kMost = 1'000'000;
  constexpr std::uint64_t kDropped = 10;
  std::vector<std::uint64_t> accepted;
  for (std::uint64_t i = 0; i < kMost && sender_->counters().full < kDropped; ++i) {
    const SendResult result = sender_->send(sample(i, kFillSize).view(), soon());
    if (result == SendResult::sent) {
      accepted.push_back(i);
    } else {
      ASSERT_EQ(result, SendResult::dropped);
    }
  }
  const Counters counters = sender_->counters();
  EXPECT_GE(counters.full, kDropped);
  EXPECT_EQ(counters.messages_received, accepted.size() + counters.dropped());
  for (const std::uint64_t index : accepted) must_receive(index, kFillSize);
  must_receive_nothing(milliseconds(50));
}

}  // namespace
}  // namespace fifomq::conformance
