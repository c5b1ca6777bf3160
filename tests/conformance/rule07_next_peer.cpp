// Rule 7: a peer that goes never ends the process, and the next one continues.
#include <thread>
#include <vector>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule7TheNextReceiverContinues) {
  constexpr std::uint64_t kAgain = 1'000'000;
  open();
  must_send(0, 100);
  must_receive(0, 100);
  receiver_.reset();

  // It takes a moment until the sender can know. Each try must end well, whatever it says.
  std::uint64_t next = 1;
  std::vector<Message> accepted;
  SendResult result = SendResult::sent;
  const Deadline noticed = sender_->capabilities().sees_peer ? soon() : in(milliseconds(20));
  while (result != SendResult::no_peer && !noticed.expired()) {
    Message message = sample(next++, 100);
    result = sender_->send(message.view(), Deadline::after(milliseconds(5)));
    if (result != SendResult::sent) continue;
    accepted.push_back(std::move(message));
    std::this_thread::sleep_for(milliseconds(1));  // not to fill what nobody empties
  }
  if (sender_->capabilities().sees_peer) {
    ASSERT_EQ(result, SendResult::no_peer);
  }
  open_receiver();
  const Message again = sample(kAgain, 100);
  must_send(again);

  std::size_t skipped = 0;  // accepted, and gone with the receiver that died
  for (bool found = false; !found;) {
    MessageView arrived;
    ASSERT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
    found = static_cast<bool>(same(arrived, again, carries_origin()));
    if (found) break;
    while (skipped < accepted.size() && !same(arrived, accepted[skipped], carries_origin())) {
      ASSERT_FALSE(keeps_untaken()) << "message " << skipped + 1 << " was accepted and is lost";
      ++skipped;
    }
    ASSERT_LT(skipped, accepted.size()) << "a message came that was not accepted, or not in order";
    ++skipped;
  }
  if (keeps_untaken()) {
    EXPECT_EQ(skipped, accepted.size());
  }
  must_receive_nothing();
}

TEST_P(Conformance, Rule7WhatWaitsIsForTheNextReceiver) {
  open();
  if (!keeps_untaken()) GTEST_SKIP() << "Capabilities::waits_for_peer is not offered";
  for (std::uint64_t i = 0; i < 10; ++i) must_send(i, 100);
  EXPECT_EQ(sender_->flush(soon()), SendResult::sent);
  receiver_.reset();
  open_receiver();
  for (std::uint64_t i = 0; i < 10; ++i) must_receive(i, 100);
  must_receive_nothing();
}

TEST_P(Conformance, Rule7TheNextSenderContinues) {
  open();
  const bool envelope = carries_origin();
  for (std::uint64_t generation = 0; generation < 5; ++generation) {
    const auto number = [&](std::uint64_t i) { return 100 * generation + i; };
    // Beside the receiver, which may have to take part in the meeting.
    Background other([&] {
      if (!sender_) open_sender();
      for (std::uint64_t i = 0; i < 20; ++i) must_send(number(i), 100);
      sender_.reset();
    });
    for (std::uint64_t i = 0; i < 20; ++i) {
      MessageView arrived;
      ASSERT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
      ASSERT_TRUE(same(arrived, sample(number(i), 100), envelope));
    }
    must_receive_nothing();
    // Where a receiver takes one sender only, it turns the next one away until it is rid of the
    // first, which is a moment after it has seen it leave; no event tells when.
    if (!link_.second_sender.empty()) continue;
    while (receiver_->counters().peers > 0) must_receive_nothing();
    must_receive_nothing(milliseconds(300));
  }
}

}  // namespace
}  // namespace fifomq::conformance
