// Rule 12: what a forked child does or leaves undone is nothing to the channels of its parent.
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "conformance/fixture.hpp"
#include "conformance/polling.hpp"

namespace fifomq::conformance {
namespace {

// Runs the work in a child that then ends as a program does which knows nothing of its channels.
void in_child(const std::function<bool()>& work) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool done = false;
    try {
      done = work();
    } catch (const std::exception&) {
      done = false;
    }
    _exit(done ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0) << "the child did not end well";
}

// On both ends something is under way: the receiver has read more than it has handed out, and the
// sender owes the end of a message that it has given up.
TEST_P(Conformance, Rule12AForkWithABacklogRepeatsNothing) {
  constexpr std::uint64_t kTaken = 20;
  open();
  if (!sender_->capabilities().fork_safe) {
    GTEST_SKIP() << "Capabilities::fork_safe is not offered";
  }
  const auto leave = [this] {
    sender_.reset();
    return true;
  };
  const std::uint64_t refused = fill();
  for (std::uint64_t i = 0; i < kTaken; ++i) must_receive(i, kFillSize);
  const Message large = sample(1'000'000, std::size_t{1} << 20);
  ASSERT_EQ(sender_->send(large.view(), Deadline::after(milliseconds(30))), SendResult::timed_out);
  in_child(leave);
  for (std::uint64_t i = kTaken; i < refused; ++i) must_receive(i, kFillSize);
  must_receive_nothing();
  // Now there is room for what is owed, which only the parent may write.
  in_child(leave);
  must_pass(refused, kFillSize);
  must_receive_nothing(milliseconds(20));
  const Counters out = sender_->counters();
  const Counters in = receiver_->counters();
  EXPECT_EQ(out.messages_received, refused + 1);
  EXPECT_EQ(in.messages_delivered, refused + 1);
  EXPECT_EQ(in.cancelled, out.abandoned);
  EXPECT_EQ(in.sequence_gaps, 0U);
  EXPECT_EQ(in.bytes_in, out.bytes_out) << "the child wrote something";
}

TEST_P(Conformance, Rule12AChildsCloseLeavesTheParentsSenderOpen) {
  open();
  if (!sender_->capabilities().fork_safe) {
    GTEST_SKIP() << "Capabilities::fork_safe is not offered";
  }
  const std::uint64_t refused = fill();
  in_child([this] {
    sender_->close();
    return sender_->send(sample(0, 10).view(), Deadline::now()) == SendResult::closed;
  });
  for (const milliseconds wait : {milliseconds(0), milliseconds(50)}) {
    const Stopwatch watch;
    EXPECT_EQ(sender_->send(sample(refused, kFillSize).view(), in(wait)), SendResult::timed_out);
    EXPECT_TRUE(watch.kept(wait));
  }
  EXPECT_FALSE(is_readable(sender_->poll_fd(), Poller::poll, milliseconds(20)))
      << "readable for nothing";
  for (std::uint64_t i = 0; i < refused; ++i) must_receive(i, kFillSize);
  must_pass(refused, kFillSize);
}

TEST_P(Conformance, Rule12AChildWithoutAPeerLeavesTheParentItsOwn) {
  open();
  if (!sender_->capabilities().fork_safe || !sender_->capabilities().sees_peer) {
    GTEST_SKIP() << "Capabilities::fork_safe and sees_peer are not both offered";
  }
  must_pass(0, 100);
  receiver_.reset();
  in_child([this] {
    return sender_->send(sample(0, 10).view(), Deadline::now()) == SendResult::no_peer;
  });
  open_receiver();
  const std::uint64_t refused = fill(1);
  for (std::uint64_t i = 1; i < refused; ++i) must_receive(i, kFillSize);
  must_receive_nothing();
  EXPECT_TRUE(is_readable(sender_->poll_fd(), Poller::poll, patience()))
      << "there is room, and the parent's descriptor is silent";
  must_pass(refused, kFillSize);
}

}  // namespace
}  // namespace fifomq::conformance
