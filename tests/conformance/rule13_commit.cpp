// Rule 13: who takes over a message, and when: commit, settled, take_at_most.
#include "conformance/fixture.hpp"
#include "conformance/polling.hpp"

namespace fifomq::conformance {
namespace {

void expect_end(Receiver& receiver) {
  for (int i = 0; i < 2; ++i) {
    MessageView message;
    EXPECT_EQ(receiver.receive(message, soon()), ReceiveResult::end_of_stream);
    for (const Poller poller : kPollers) {
      EXPECT_TRUE(is_readable(receiver.poll_fd(), poller, milliseconds(0))) << to_string(poller);
    }
  }
}

TEST_P(Conformance, Rule13TakeAtMostEndsTheStream) {
  open({.log = {}, .take_at_most = 3});
  for (std::uint64_t i = 0; i < 6; ++i) must_send(i, 100);
  for (std::uint64_t i = 0; i < 3; ++i) must_receive(i, 100);
  expect_end(*receiver_);
  EXPECT_EQ(receiver_->counters().messages_delivered, 3U);
}

TEST_P(Conformance, Rule13TakeAtMostNothingEndsAtOnce) {
  open({.log = {}, .take_at_most = 0});
  expect_end(*receiver_);
}

TEST_P(Conformance, Rule13TakeAtMostLeavesTheRest) {
  open({.log = {}, .take_at_most = 3});
  if (!keeps_untaken()) {
    GTEST_SKIP() << "what a receiver's socket has fetched is gone with it (waits_for_peer)";
  }
  // Of several sizes, the last ones in several pieces; all of them fit into a pipe.
  const auto size_of = [](std::uint64_t index) { return index * index * 150; };
  constexpr std::uint64_t kMessages = 9;
  for (std::uint64_t i = 0; i < kMessages; ++i) must_send(i, size_of(i));
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    if (i > 0 && i % 3 == 0) {
      expect_end(*receiver_);
      EXPECT_TRUE(keeps_ledger(*receiver_));
      receiver_.reset();
      open_receiver({.log = {}, .take_at_most = 3});
    }
    must_receive(i, size_of(i));
  }
  expect_end(*receiver_);
}

TEST_P(Conformance, Rule13StopTakingLeavesTheRest) {
  open();
  if (!keeps_untaken()) {
    GTEST_SKIP() << "what a receiver's socket has fetched is gone with it (waits_for_peer)";
  }
  // As much as fits into a pipe, which is more than is read at once where we have widened it.
  const std::uint64_t factor = GetParam().source_stays ? 200 : 1000;
  const auto size_of = [&](std::uint64_t index) { return index * index % 81 * factor; };
  for (std::uint64_t i = 0; i < 9; ++i) must_send(i, size_of(i));
  ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
  must_receive(0, size_of(0));
  receiver_->stop_taking();
  for (std::uint64_t i = 9; i < 12; ++i) must_send(i, size_of(i));
  std::uint64_t taken = 1;
  MessageView message;
  for (; receiver_->receive(message, soon()) == ReceiveResult::received; ++taken) {
    ASSERT_TRUE(same(message, sample(taken, size_of(taken)), carries_origin()));
  }
  EXPECT_LE(taken, 9U);
  expect_end(*receiver_);
  EXPECT_TRUE(keeps_ledger(*receiver_));
  receiver_->commit(taken);
  receiver_.reset();
  open_receiver();
  for (std::uint64_t i = taken; i < 12; ++i) must_receive(i, size_of(i));
}

TEST_P(Conformance, Rule13UncommittedMessagesComeAgain) {
  open({.explicit_commit = true});
  if (!receiver_->capabilities().explicit_commit) {
    GTEST_SKIP() << "Capabilities::explicit_commit is not offered";
  }
  for (std::uint64_t i = 0; i < 5; ++i) must_send(i, 100);
  ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
  for (std::uint64_t i = 0; i < 4; ++i) must_receive(i, 100);
  receiver_->commit(2);
  receiver_.reset();
  open_receiver({.explicit_commit = true});
  for (std::uint64_t i = 2; i < 5; ++i) must_receive(i, 100);
  receiver_->commit(3);
  receiver_.reset();
  open_receiver({.explicit_commit = true});
  must_receive_nothing();
}

TEST_P(Conformance, Rule13CommittingIsAskedFor) {
  open();
  if (GetParam().commits_each) GTEST_SKIP() << "it was asked for";
  EXPECT_FALSE(receiver_->capabilities().explicit_commit);
  for (std::uint64_t i = 0; i < 3; ++i) must_send(i, 100);
  for (std::uint64_t i = 0; i < 3; ++i) must_receive(i, 100);
  receiver_->commit(1);  // means nothing
  receiver_.reset();
  open_receiver();
  must_receive_nothing();
}

// What has not been received is not committed by a number that was said before.
TEST_P(Conformance, Rule13ACommitCountsWhatWasReceived) {
  open({.explicit_commit = true});
  if (!receiver_->capabilities().explicit_commit) {
    GTEST_SKIP() << "Capabilities::explicit_commit is not offered";
  }
  for (std::uint64_t i = 0; i < 4; ++i) must_send(i, 100);
  ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
  receiver_->commit(0);
  receiver_->commit(4);
  for (std::uint64_t i = 0; i < 2; ++i) must_receive(i, 100);
  receiver_->commit(1);
  receiver_->commit(0);
  must_receive(2, 100);
  receiver_->commit(1);
  receiver_.reset();
  open_receiver({.explicit_commit = true});
  for (std::uint64_t i = 1; i < 4; ++i) must_receive(i, 100);
  receiver_->commit(1'000);
  must_send(4, 100);
  must_receive(4, 100);
  receiver_.reset();
  open_receiver({.explicit_commit = true});
  must_receive(4, 100);
  must_receive_nothing();
}

// What cannot be kept whole until it is committed is handed out all the same, and counted.
TEST_P(Conformance, Rule13LargerThanWhatKeepsThem) {
  constexpr std::size_t kLarge = std::size_t{4} << 20;
  open({.explicit_commit = true});
  if (!receiver_->capabilities().explicit_commit) {
    GTEST_SKIP() << "Capabilities::explicit_commit is not offered";
  }
  std::uint64_t received = 0;
  for (const std::size_t size : {std::size_t{100}, kLarge, std::size_t{3'000}, kLarge}) {
    Background other([&, index = received] { must_send(index, size); });
    must_receive(received, size);
    receiver_->commit(++received);
    if (HasFailure()) sender_->close();
    other.join();
  }
  EXPECT_LE(receiver_->counters().uncommittable, 2U);
  receiver_.reset();
  open_receiver({.explicit_commit = true});
  must_receive_nothing();
}

TEST_P(Conformance, Rule13AcknowledgedMessagesAreSettled) {
  open();
  if (!sender_->capabilities().acknowledges) {
    GTEST_SKIP() << "Capabilities::acknowledges is not offered";
  }
  for (std::uint64_t i = 0; i < 5; ++i) must_send(i, 100);
  if (!GetParam().settles_by_itself) {
    EXPECT_EQ(sender_->settled(), 0U) << "nobody has taken anything over yet";
  }
  for (std::uint64_t i = 0; i < 5; ++i) must_receive(i, 100);
  receiver_->commit(5);
  const Deadline deadline = soon();
  while (sender_->settled() < 5 && !deadline.expired()) {
    MessageView message;
    receiver_->receive(message, Deadline::now());
    static_cast<void>(sender_->flush(Deadline::after(milliseconds(10))));
  }
  EXPECT_EQ(sender_->settled(), 5U);
}

}  // namespace
}  // namespace fifomq::conformance
