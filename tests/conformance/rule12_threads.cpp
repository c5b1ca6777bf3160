// Rule 12: close() comes from any thread and wakes a blocked call; a forked child is a new writer.
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>

#include "conformance/fixture.hpp"
#include "support/blocked.hpp"

namespace fifomq::conformance {
namespace {

using test::Blocked;

TEST_P(Conformance, Rule12CloseWakesABlockedReceive) {
  open();
  ReceiveResult result = ReceiveResult::received;
  const Deadline limit = soon();
  {
    const Blocked blocked([&] {
      MessageView message;
      result = receiver_->receive(message, Deadline::never());
    });
    EXPECT_TRUE(blocked.falls_asleep());
    receiver_->close();
  }
  EXPECT_EQ(result, ReceiveResult::closed);
  EXPECT_FALSE(limit.expired());
}

TEST_P(Conformance, Rule12CloseWakesABlockedSend) {
  open();
  std::uint64_t accepted = fill();
  SendResult result = SendResult::sent;
  {
    const Blocked blocked([&] {
      // What was full may find a little room when it has had time.
      while (result == SendResult::sent) {
        result = sender_->send(sample(accepted, kFillSize).view(), Deadline::never());
        if (result == SendResult::sent) ++accepted;
      }
    });
    EXPECT_TRUE(blocked.falls_asleep());
    sender_->close();
  }
  EXPECT_EQ(result, SendResult::closed);
  EXPECT_EQ(sender_->counters().messages_received, accepted);
  // What was accepted before is still delivered, for which its sender may have to go, and nothing
  // of what was not.
  const bool envelope = carries_origin();
  Background other([this] { sender_.reset(); });
  for (std::uint64_t i = 0; i < accepted; ++i) {
    MessageView arrived;
    EXPECT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
    EXPECT_TRUE(same(arrived, sample(i, kFillSize), envelope)) << i;
    if (HasFailure()) break;
  }
  other.join();
  must_receive_nothing(milliseconds(20));
}

TEST_P(Conformance, Rule12CloseWakesASendWithoutAPeer) {
  open_sender();
  if (!sender_->capabilities().sees_peer) {
    GTEST_SKIP() << "Capabilities::sees_peer is not offered";
  }
  SendResult result = SendResult::sent;
  {
    const Blocked blocked([&] { result = sender_->send(sample(0, 10).view(), Deadline::never()); });
    EXPECT_TRUE(blocked.falls_asleep());
    sender_->close();
  }
  EXPECT_EQ(result, SendResult::closed);
}

TEST_P(Conformance, Rule12CloseIsIdempotentAndFinal) {
  open();
  must_send(0, 10);
  ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
  for (int i = 0; i < 3; ++i) {
    sender_->close();
    receiver_->close();
    MessageView message;
    EXPECT_EQ(receiver_->receive(message, Deadline::never()), ReceiveResult::closed);
    EXPECT_EQ(sender_->send(sample(1, 10).view(), Deadline::never()), SendResult::closed);
    EXPECT_EQ(sender_->flush(Deadline::never()), SendResult::closed);
  }
}

TEST_P(Conformance, Rule12AForkedChildIsANewWriter) {
  open();
  if (!sender_->capabilities().fork_safe) {
    GTEST_SKIP() << "Capabilities::fork_safe is not offered";
  }
  constexpr std::uint64_t kEach = 10;
  const auto send_all = [&](std::uint64_t first) {
    for (std::uint64_t i = first; i < first + kEach; ++i) {
      if (sender_->send(sample(i, 100).view(), soon()) != SendResult::sent) return false;
    }
    return sender_->flush(soon()) == SendResult::sent;
  };
  must_send(0, 100);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(send_all(1000) ? 0 : 1);
  EXPECT_TRUE(send_all(1));
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child could not send";

  std::map<std::uint64_t, std::uint64_t> last;  // of each writer
  for (std::uint64_t i = 0; i < 2 * kEach + 1; ++i) {
    MessageView arrived;
    ASSERT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
    EXPECT_EQ(arrived.origin->sequence, ++last[arrived.origin->writer]);
  }
  EXPECT_EQ(last.size(), 2U);
  must_receive_nothing();
  EXPECT_EQ(receiver_->counters().sequence_gaps, 0U);
}

}  // namespace
}  // namespace fifomq::conformance
