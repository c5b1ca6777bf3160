// Rule 4: every call returns by its deadline, whatever signals come, and opening never hangs.

#include "conformance/fixture.hpp"
#include "conformance/signal_storm.hpp"

namespace fifomq::conformance {
namespace {

constexpr milliseconds kWaits[] = {milliseconds(0), milliseconds(50)};
// A storm of 50 ms brings about 50 signals; a few show that it raged.
constexpr std::uint64_t kEnoughSignals = 10;

TEST_P(Conformance, Rule4ReceiveReturnsByItsDeadlineInASignalStorm) {
  open();
  const SignalStorm storm;
  const std::uint64_t before = SignalStorm::hits();
  for (const milliseconds wait : kWaits) {
    MessageView message;
    const Stopwatch watch;
    EXPECT_EQ(receiver_->receive(message, in(wait)), ReceiveResult::timed_out);
    EXPECT_TRUE(watch.kept(wait));
  }
  EXPECT_GT(SignalStorm::hits(), before + kEnoughSignals);
}

TEST_P(Conformance, Rule4SendReturnsByItsDeadlineInASignalStorm) {
  open();
  const std::uint64_t refused = fill();
  const SignalStorm storm;
  const std::uint64_t before = SignalStorm::hits();
  for (const milliseconds wait : kWaits) {
    const Stopwatch watch;
    EXPECT_EQ(sender_->send(sample(refused, kFillSize).view(), in(wait)), SendResult::timed_out);
    EXPECT_TRUE(watch.kept(wait));
  }
  EXPECT_GT(SignalStorm::hits(), before + kEnoughSignals);
}

TEST_P(Conformance, Rule4FlushReturnsByItsDeadlineInASignalStorm) {
  open();
  fill();
  const SignalStorm storm;
  for (const milliseconds wait : kWaits) {
    const Stopwatch watch;
    const SendResult result = sender_->flush(in(wait));
    // Where accepting means handing to the kernel there is nothing to wait for.
    if (result == SendResult::sent) {
      EXPECT_TRUE(watch.kept(milliseconds(0)));
    } else {
      EXPECT_EQ(result, SendResult::timed_out);
      EXPECT_TRUE(watch.kept(wait));
    }
  }
}

TEST_P(Conformance, Rule4NothingIsLostInASignalStorm) {
  constexpr std::uint64_t kMessages = 2'000;
  constexpr std::size_t kMost = 20'000;
  open();
  Background other([&] {
    const SignalStorm storm;
    for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) {
      must_send(i, varied_size(i, kMost));
    }
  });
  {
    const SignalStorm storm;
    for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) {
      must_receive(i, varied_size(i, kMost));
    }
  }
  if (HasFailure()) sender_->close();
  other.join();
}

TEST_P(Conformance, Rule4OpeningNeverWaitsForAPeer) {
  constexpr auto kLongest = std::chrono::seconds(2);
  const SignalStorm storm;
  const auto start = Deadline::Clock::now();
  open_sender();
  sender_.reset();
  EXPECT_LT(Deadline::Clock::now() - start, kLongest) << "to open a sender alone, and to close it";
  const auto again = Deadline::Clock::now();
  open_receiver();
  receiver_.reset();
  EXPECT_LT(Deadline::Clock::now() - again, kLongest)
      << "to open a receiver alone, and to close it";
}

}  // namespace
}  // namespace fifomq::conformance
