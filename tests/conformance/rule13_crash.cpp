// Rule 13 with receivers that are killed: what they had not committed comes again.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "conformance/chance.hpp"
#include "conformance/fixture.hpp"
#include "conformance/peer_process.hpp"
#include "support/sanitized.hpp"

namespace fifomq::conformance {
namespace {

constexpr std::uint64_t kNoEnd = 1'000'000;

std::uint64_t number_of(const MessageView& message) {
  std::uint64_t number = 0;
  std::memcpy(&number, message.payload.data(), std::min(sizeof number, message.payload.size()));
  return number;
}

// Each receiver reports a message and then commits it. So none is missing, and what comes twice is
// what a receiver had reported when it was killed, and not committed.
TEST_P(Conformance, Rule13KilledReceiversLoseNothing) {
  constexpr std::uint64_t kRounds = test::kSanitized ? 8 : 24;  // a process takes long to start
  constexpr std::uint64_t kLast = 100;                          // how many the last receiver takes
  constexpr std::size_t kMost = 20'000;
  if (!GetParam().one_process_only.empty()) GTEST_SKIP() << GetParam().one_process_only;
  open({.explicit_commit = true});
  if (!receiver_->capabilities().explicit_commit) {
    GTEST_SKIP() << "Capabilities::explicit_commit is not offered";
  }
  receiver_.reset();
  Chance chance;
  SCOPED_TRACE(chance.text());
  const PeerReport report;
  std::uint64_t next = 0;
  const auto receiver = [&](std::uint64_t count) {
    return PeerProcess::receiver(link().receiver, count, kMost, report.path(), true);
  };
  const auto send_one = [&] {
    const Message message = sample(next, peer_size(next, kMost));
    if (sender_->send(message.view(), Deadline::after(milliseconds(20))) == SendResult::sent) {
      ++next;
    }
  };
  for (std::uint64_t round = 1; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    PeerProcess killed = receiver(kNoEnd);
    const std::size_t enough = report.count() + chance.between(1, 40);
    const Deadline deadline = soon();
    while (report.count() < enough && !HasFailure()) {
      ASSERT_FALSE(deadline.expired()) << "the receiver gets nothing";
      ASSERT_TRUE(killed.is_running()) << "status " << killed.wait();
      send_one();
    }
    chance.wait();
  }
  PeerProcess last = receiver(kLast);
  while (last.is_running() && !HasFailure()) send_one();
  EXPECT_EQ(last.wait(), 0);
  std::uint64_t expected = 0;
  std::uint64_t again = 0;
  for (const std::uint64_t number : report.numbers()) {
    ASSERT_NE(number, PeerProcess::kDamaged);
    ASSERT_LE(number, expected) << "messages from " << expected << " on are missing";
    again += number < expected ? 1 : 0;
    expected = std::max(expected, number + 1);
  }
  EXPECT_LE(expected, next);
  if (!GetParam().commits_travel) {
    EXPECT_LT(again, kRounds) << "what was committed came again";
  }
}

// Pieces of several senders' messages stand between each other's: what one of them is made of is
// not taken with what was committed around it. So few are on their way that a pipe holds them all.
class InterleavedSenders {
 public:
  static constexpr std::uint64_t kMessages = 40;
  static constexpr std::size_t kSize = 9'000;  // several pieces

  InterleavedSenders(const Registry& registry, const std::string& endpoint) {
    for (std::uint64_t at = 0; at < kSenders; ++at) {
      senders_.push_back(registry.open_sender(endpoint));
    }
    for (std::uint64_t at = 0; at < kSenders; ++at) {
      threads_.push_back(std::make_unique<Background>([this, at] { run(at); }));
    }
  }

  static std::uint64_t total() { return kSenders * kMessages; }
  void committed(std::uint64_t messages) { committed_ = messages; }
  void close() {
    closed_ = true;
    for (const auto& sender : senders_) sender->close();
  }

 private:
  static constexpr std::uint64_t kSenders = 3;
  static constexpr std::uint64_t kOnTheWay = 3;

  void run(std::uint64_t at) {
    for (std::uint64_t i = 0; i < kMessages && !closed_; ++i) {
      while (sent_ >= committed_ + kOnTheWay && !closed_) std::this_thread::yield();
      ++sent_;
      const Message message = sample(at * kNoEnd + i, kSize);
      const SendResult result = senders_[at]->send(message.view(), soon());
      ASSERT_TRUE(result == SendResult::sent || closed_) << to_string(result);
      senders_[at]->flush(soon());
    }
  }

  std::vector<std::unique_ptr<Sender>> senders_;
  std::atomic<std::uint64_t> sent_ = 0;
  std::atomic<std::uint64_t> committed_ = 0;
  std::atomic<bool> closed_ = false;
  std::vector<std::unique_ptr<Background>> threads_;
};

TEST_P(Conformance, Rule13InterleavedMessagesAreKeptWhole) {
  open({.explicit_commit = true});
  if (!receiver_->capabilities().explicit_commit) {
    GTEST_SKIP() << "Capabilities::explicit_commit is not offered";
  }
  if (link().second_sender.empty()) GTEST_SKIP() << "a receiver takes one sender only";
  Chance chance;
  SCOPED_TRACE(chance.text());
  InterleavedSenders senders(registry(), link().second_sender);
  std::set<std::uint64_t> committed;
  const Deadline deadline = soon();
  while (committed.size() < InterleavedSenders::total() && !HasFailure() && !deadline.expired()) {
    std::vector<std::uint64_t> numbers;
    MessageView message;
    // All of them: what was committed may come again in front of what was not.
    // And the first one when the senders are there again, which with keys takes its time.
    const auto patience = [&] { return milliseconds(numbers.empty() ? 200 : 2); };
    while (receiver_->receive(message, Deadline::after(patience())) == ReceiveResult::received) {
      numbers.push_back(number_of(message));
      EXPECT_TRUE(
          same(message, sample(numbers.back(), InterleavedSenders::kSize), carries_origin()));
    }
    const std::uint64_t done = chance.between(0, numbers.size());
    receiver_->commit(done);
    committed.insert(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(done));
    senders.committed(committed.size());
    EXPECT_TRUE(keeps_ledger(*receiver_));
    EXPECT_EQ(receiver_->counters().frames_damaged, 0U);
    receiver_.reset();
    open_receiver({.explicit_commit = true});
  }
  EXPECT_EQ(committed.size(), InterleavedSenders::total()) << "some never came";
  senders.close();
}

}  // namespace
}  // namespace fifomq::conformance
