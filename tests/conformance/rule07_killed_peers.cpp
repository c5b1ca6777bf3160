// Rule 7 with peers in processes of their own, killed at random instants and started again.
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "conformance/chance.hpp"
#include "conformance/fixture.hpp"
#include "conformance/peer_process.hpp"
#include "support/sanitized.hpp"

namespace fifomq::conformance {
namespace {

constexpr std::uint64_t kRounds = 24;
// With a sanitizer a process takes long to start, and to look at what a killed one had queued.
constexpr std::uint64_t kFewRounds = 7;
// More messages than any process sends, and the distance between two processes' numbers.
constexpr std::uint64_t kNoEnd = 1'000'000;
// Many pieces, so that most kills hit a message that is half written.
constexpr std::size_t kMost = 150'000;

// What comes from one sending process after another. The numbers of process n begin at n * kNoEnd.
class Arrivals {
 public:
  Arrivals(Receiver& receiver, bool envelope) : receiver_(receiver), envelope_(envelope) {}

  std::uint64_t begin_process() {
    next_.push_back(0);
    return (next_.size() - 1) * kNoEnd;
  }
  // Takes the next message: whole, and the next one of its sender.
  ReceiveResult take(Deadline deadline) {
    MessageView arrived;
    const ReceiveResult result = receiver_.receive(arrived, deadline);
    if (result == ReceiveResult::received) look_at(arrived);
    return result;
  }
  void take_from_latest(std::uint64_t count) {
    while (next_.back() < count && !testing::Test::HasFailure()) {
      ASSERT_EQ(take(soon()), ReceiveResult::received);
    }
  }
  void take_all(milliseconds quiet) {
    while (take(Deadline::after(quiet)) == ReceiveResult::received &&
           !testing::Test::HasFailure()) {
    }
  }

 private:
  void look_at(const MessageView& arrived) {
    std::uint64_t number = 0;
    ASSERT_GE(arrived.payload.size(), sizeof number);
    std::memcpy(&number, arrived.payload.data(), sizeof number);
    const std::uint64_t process = number / kNoEnd;
    ASSERT_LT(process, next_.size()) << "message " << number << " was never sent";
    ASSERT_EQ(number % kNoEnd, next_[process]) << "of process " << process;
    ASSERT_TRUE(same(arrived, sample(number, peer_size(number, kMost)), envelope_)) << number;
    ++next_[process];
  }

  Receiver& receiver_;
  const bool envelope_;
  std::vector<std::uint64_t> next_;  // of each process
};

// Where a receiver takes one sender only, it turns the next one away until it is rid of the first,
// which is a moment after it has seen it leave; no event tells when.
void see_peer_leave(const Receiver& receiver, Arrivals& arrivals) {
  const Deadline deadline = soon();
  while (receiver.counters().peers > 0) {
    ASSERT_FALSE(deadline.expired()) << "the peer is gone, and still counted";
    arrivals.take(Deadline::after(milliseconds(1)));
  }
  arrivals.take_all(milliseconds(300));
}

TEST_P(Conformance, Rule7KilledSendersTearNothing) {
  if (!GetParam().one_process_only.empty()) GTEST_SKIP() << GetParam().one_process_only;
  Chance chance;
  SCOPED_TRACE(chance.text());
  open_receiver();
  Arrivals arrivals(*receiver_, receiver_->capabilities().carries_origin);
  std::uint64_t killed = 0;
  const bool fragments = has_option(link_.receiver, "reassembly_memory");
  const std::uint64_t rounds = test::kSanitized && !fragments ? kFewRounds : kRounds;
  std::printf("%llu senders\n", static_cast<unsigned long long>(rounds));
  for (std::uint64_t round = 1; round <= rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const std::uint64_t first = arrivals.begin_process();
    if (round % 6 == 0) {
      // This one may end in peace, and nothing of it is lost.
      constexpr std::uint64_t kAll = 40;
      PeerProcess sender = PeerProcess::sender(link_.sender, first, kAll, kMost);
      arrivals.take_from_latest(kAll);
      EXPECT_EQ(sender.wait(), 0);
    } else {
      PeerProcess sender = PeerProcess::sender(link_.sender, first, kNoEnd, kMost);
      arrivals.take_from_latest(chance.between(1, 40));
      chance.wait();
      sender.kill();
      ++killed;
    }
    if (link_.second_sender.empty()) see_peer_leave(*receiver_, arrivals);
  }
  arrivals.take_all(milliseconds(100));
  // The only one that may be missing of a sender is that in which it died.
  const Counters counters = receiver_->counters();
  EXPECT_LE(counters.messages_pending + counters.given_up, killed);
  EXPECT_EQ(counters.dropped(), counters.given_up);
  EXPECT_EQ(counters.frames_damaged, 0U);
  if (fragments) {
    EXPECT_GT(counters.messages_pending + counters.given_up, 0U) << "no kill hit half a message";
  }
}

TEST_P(Conformance, Rule7KilledReceiversAreFollowedByTheNext) {
  if (!GetParam().one_process_only.empty()) GTEST_SKIP() << GetParam().one_process_only;
  constexpr std::uint64_t kLast = 100;  // how many the last receiver takes
  Chance chance;
  SCOPED_TRACE(chance.text());
  const PeerReport report;
  open_sender();
  std::uint64_t next = 0;
  const std::uint64_t rounds = test::kSanitized ? kFewRounds : kRounds;
  std::printf("%llu receivers\n", static_cast<unsigned long long>(rounds));
  const auto send_one = [&] {
    const Message message = sample(next, peer_size(next, kMost));
    const SendResult result = sender_->send(message.view(), Deadline::after(milliseconds(50)));
    ASSERT_NE(result, SendResult::closed);
    if (result == SendResult::sent) ++next;
  };
  for (std::uint64_t round = 1; round <= rounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const bool is_last = round == rounds;
    PeerProcess receiver =
        PeerProcess::receiver(link_.receiver, is_last ? kLast : kNoEnd, kMost, report.path());
    const std::size_t enough = report.count() + (is_last ? kLast : chance.between(1, 40));
    const Deadline deadline = soon();
    while (report.count() < enough && !HasFailure()) {
      ASSERT_FALSE(deadline.expired()) << "the receiver gets nothing";
      ASSERT_TRUE(is_last || receiver.is_running()) << "status " << receiver.wait();
      send_one();
    }
    if (is_last) {
      EXPECT_EQ(receiver.wait(), 0);
    }
    chance.wait();
  }
  std::uint64_t least = 0;
  for (const std::uint64_t number : report.numbers()) {
    ASSERT_NE(number, PeerProcess::kDamaged);
    ASSERT_LT(number, next) << "was not accepted";
    if (number < least && GetParam().commits_travel) continue;
    ASSERT_GE(number, least) << "out of order, or twice";
    least = number + 1;
  }
  EXPECT_GE(sender_->counters().messages_received, next);
}

}  // namespace
}  // namespace fifomq::conformance
