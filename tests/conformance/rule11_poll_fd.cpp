// Rule 11: poll_fd() works in every event loop, level-triggered: never silent when there is
// something, and readable for nothing only now and then.
#include <atomic>
#include <thread>

#include "conformance/fixture.hpp"
#include "conformance/polling.hpp"

namespace fifomq::conformance {
namespace {

constexpr milliseconds kNow{0};

void expect_readable(Channel& channel, milliseconds wait) {
  for (const Poller poller : kPollers) {
    EXPECT_TRUE(is_readable(channel.poll_fd(), poller, wait)) << "in " << to_string(poller);
  }
}

// Silent in every event loop, after at most a few calls that got nowhere.
template <typename Call>
testing::AssertionResult falls_silent(Channel& channel, Call call_gets_nowhere) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    if (!call_gets_nowhere()) return testing::AssertionFailure() << "a call got somewhere";
    bool silent = true;
    for (const Poller poller : kPollers) {
      silent = silent && !is_readable(channel.poll_fd(), poller, milliseconds(5));
    }
    if (silent) return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "readable for nothing " << kTries << " times";
}

testing::AssertionResult falls_silent(Receiver& receiver) {
  return falls_silent(receiver, [&] {
    MessageView message;
    return receiver.receive(message, Deadline::now()) == ReceiveResult::timed_out;
  });
}

// As an event loop does it: waits, then takes one message without waiting.
testing::AssertionResult comes_through_loop(Receiver& receiver, Poller poller,
                                            const Message& wanted, bool envelope) {
  const Deadline deadline = soon();
  while (!deadline.expired()) {
    if (!is_readable(receiver.poll_fd(), poller, patience())) {
      return testing::AssertionFailure() << to_string(poller) << " is silent, and a message waits";
    }
    MessageView arrived;
    const ReceiveResult result = receiver.receive(arrived, Deadline::now());
    if (result == ReceiveResult::received) return same(arrived, wanted, envelope);
    if (result != ReceiveResult::timed_out) {
      return testing::AssertionFailure() << "receive said " << to_string(result);
    }
  }
  return testing::AssertionFailure()
         << to_string(poller) << " is readable for nothing all the time";
}

TEST_P(Conformance, Rule11PollFdIsNeverSilentWhenMessagesWait) {
  constexpr std::uint64_t kMessages = 30;
  open();
  for (const Poller poller : kPollers) {
    for (std::uint64_t i = 0; i < kMessages; ++i) must_send(i, 10);
    ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      ASSERT_TRUE(comes_through_loop(*receiver_, poller, sample(i, 10), carries_origin())) << i;
    }
    EXPECT_TRUE(falls_silent(*receiver_));
  }
}

// What came in one read with the first message is behind no descriptor any more.
TEST_P(Conformance, Rule11PollFdMayBeAskedForLate) {
  constexpr std::uint64_t kMessages = 30;
  for (const Poller poller : kPollers) {
    start_over();
    open();
    for (std::uint64_t i = 0; i < kMessages; ++i) must_send(i, 10);
    ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
    must_receive(0, 10);
    for (std::uint64_t i = 1; i < kMessages; ++i) {
      ASSERT_TRUE(comes_through_loop(*receiver_, poller, sample(i, 10), carries_origin())) << i;
    }
    EXPECT_TRUE(falls_silent(*receiver_));
  }
}

// Whoever looks without waiting, and asks for the descriptor only then, has not missed what came in
// between.
TEST_P(Conformance, Rule11AFirstPollFdShowsWhatCameBefore) {
  for (const Poller poller : kPollers) {
    start_over();
    open();
    must_receive_nothing();
    must_send(0, 10);
    ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
    EXPECT_TRUE(comes_through_loop(*receiver_, poller, sample(0, 10), carries_origin()));
    EXPECT_TRUE(falls_silent(*receiver_));
  }
}

TEST_P(Conformance, Rule11PollFdIsLevelTriggered) {
  open();
  must_send(0, 10);
  must_receive(0, 10);
  ASSERT_TRUE(falls_silent(*receiver_));
  must_send(1, 10);
  ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
  expect_readable(*receiver_, patience());
  for (int i = 0; i < 3; ++i) expect_readable(*receiver_, kNow);
  must_receive(1, 10);
  EXPECT_TRUE(falls_silent(*receiver_));
}

TEST_P(Conformance, Rule11PollFdWakesWhoeverWaits) {
  open();
  must_send(0, 10);
  must_receive(0, 10);
  for (const Poller poller : kPollers) {
    ASSERT_TRUE(falls_silent(*receiver_));
    std::atomic<bool> waiting = false;
    Background other([&] {
      while (!waiting) std::this_thread::yield();
      must_send(1, 10);
    });
    waiting = true;
    EXPECT_TRUE(comes_through_loop(*receiver_, poller, sample(1, 10), carries_origin()));
    other.join();
  }
}

// An event loop that always finds the descriptor readable would burn a processor.
TEST_P(Conformance, Rule11AnIdlePollFdStaysSilent) {
  constexpr milliseconds kIdle{200};
  constexpr int kMostWakeups = 20;
  open();
  must_send(0, 10);
  must_receive(0, 10);
  ASSERT_TRUE(falls_silent(*receiver_));
  for (const Poller poller : kPollers) {
    int wakeups = 0;
    const Deadline end = Deadline::after(kIdle);
    while (!end.expired() && wakeups <= kMostWakeups) {
      if (!is_readable(receiver_->poll_fd(), poller, kIdle)) break;
      must_receive_nothing();
      ++wakeups;
    }
    EXPECT_LE(wakeups, kMostWakeups) << "in " << to_string(poller);
  }
}

TEST_P(Conformance, Rule11ASendersPollFdShowsRoom) {
  open();
  sender_->poll_fd();
  const std::uint64_t accepted = fill();
  ASSERT_TRUE(falls_silent(*sender_, [&] {
    return sender_->send(sample(accepted, kFillSize).view(), Deadline::now()) ==
           SendResult::timed_out;
  }));
  for (std::uint64_t i = 0; i < accepted && !HasFailure(); ++i) must_receive(i, kFillSize);
  expect_readable(*sender_, patience());
  must_send(accepted, kFillSize);
  must_receive(accepted, kFillSize);
}

TEST_P(Conformance, Rule11ASendersFirstPollFdShowsRoom) {
  for (const Poller poller : kPollers) {
    start_over();
    open();
    must_send(0, kFillSize);
    std::uint64_t next = 1;
    const auto send_next = [&] {
      return sender_->send(sample(next, kFillSize).view(), Deadline::now());
    };
    while (send_next() == SendResult::sent) ++next;
    for (std::uint64_t i = 0; i < next && !HasFailure(); ++i) must_receive(i, kFillSize);
    EXPECT_TRUE(is_readable(sender_->poll_fd(), poller, patience())) << "in " << to_string(poller);
    must_send(next, kFillSize);
    must_receive(next, kFillSize);
  }
}

TEST_P(Conformance, Rule11ASendersPollFdShowsThatAPeerCame) {
  open_sender();
  if (!sender_->capabilities().sees_peer) {
    GTEST_SKIP() << "Capabilities::sees_peer is not offered";
  }
  for (const Poller poller : kPollers) {
    start_over();
    open_sender();
    ASSERT_TRUE(falls_silent(*sender_, [&] {
      return sender_->send(sample(0, 10).view(), Deadline::now()) == SendResult::no_peer;
    }));
    open_receiver();
    const Deadline deadline = soon();
    SendResult result = SendResult::no_peer;
    while (result == SendResult::no_peer && !deadline.expired()) {
      ASSERT_TRUE(is_readable(sender_->poll_fd(), poller, patience()))
          << to_string(poller) << " is silent, and a peer came";
      result = sender_->send(sample(0, 10).view(), Deadline::now());
    }
    EXPECT_EQ(result, SendResult::sent);
    must_receive(0, 10);
  }
}

TEST_P(Conformance, Rule11PollFdIsReadableOnceClosed) {
  open();
  sender_->close();
  receiver_->close();
  for (int i = 0; i < 2; ++i) {
    expect_readable(*sender_, kNow);
    expect_readable(*receiver_, kNow);
    MessageView message;
    EXPECT_EQ(receiver_->receive(message, Deadline::now()), ReceiveResult::closed);
    EXPECT_EQ(sender_->send(sample(0, 10).view(), Deadline::now()), SendResult::closed);
  }
}

}  // namespace
}  // namespace fifomq::conformance
