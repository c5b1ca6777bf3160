// Rule 4: every call returns by its deadline, whatever signals come, and opening never hangs.

#include "conformance/fixture.hpp"
#include "conformance/signal_storm.hpp"
#include "support/sanitized.hpp"

namespace fifomq::conformance {
namespace {

constexpr milliseconds kWaits[] = {milliseconds(0), milliseconds(50)};
// So many show that the storm raged.
constexpr std::uint64_t kEnoughSignals = test::kSanitized ? 3 : 10;

// Does it again until so many signals have come as are worth the name, which on a busy machine is
// not at once.
template <typename Try>
void in_a_storm(const Try& attempt) {
  const SignalStorm storm;
  const std::uint64_t enough = SignalStorm::hits() + kEnoughSignals;
  const Deadline limit = soon();
  do {
    attempt();
  } while (SignalStorm::hits() < enough && !testing::Test::HasFailure() && !limit.expired());
  EXPECT_GE(SignalStorm::hits(), enough);
}

TEST_P(Conformance, Rule4ReceiveReturnsByItsDeadlineInASignalStorm) {
  open();
  in_a_storm([&] {
    for (const milliseconds wait : kWaits) {
      MessageView message;
      const Stopwatch watch;
      EXPECT_EQ(receiver_->receive(message, in(wait)), ReceiveResult::timed_out);
      EXPECT_TRUE(watch.kept(wait));
    }
  });
}

TEST_P(Conformance, Rule4SendReturnsByItsDeadlineInASignalStorm) {
  open();
  constexpr int kMostLate = 100'000;
  std::uint64_t next = fill();
  int late = 0;
  in_a_storm([&] {
    for (const milliseconds wait : kWaits) {
      Stopwatch watch;
      SendResult result = SendResult::sent;
      // Where there is a network, room may turn up late.
      while (result == SendResult::sent && late++ < kMostLate) {
        watch = {};
        result = sender_->send(sample(next++, kFillSize).view(), in(wait));
      }
      EXPECT_EQ(result, SendResult::timed_out);
      EXPECT_TRUE(watch.kept(wait));
    }
  });
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

// A large message is many system calls on both sides, each of which a signal may cut short.
TEST_P(Conformance, Rule4LargeMessagesArriveWholeInASignalStorm) {
  constexpr std::uint64_t kMessages = 24;
  constexpr std::size_t kMost = std::size_t{4} << 20;
  open();
  std::uint64_t first = 0;
  in_a_storm([&] {
    const std::uint64_t end = first + kMessages;
    Background other([&] {
      const SignalStorm storm;
      for (std::uint64_t i = first; i < end && !HasFailure(); ++i) {
        must_send(i, varied_size(i, kMost));
      }
    });
    for (std::uint64_t i = first; i < end && !HasFailure(); ++i) {
      must_receive(i, varied_size(i, kMost));
    }
    if (HasFailure()) sender_->close();
    other.join();
    first = end;
  });
  EXPECT_EQ(receiver_->counters().dropped(), 0U);
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
