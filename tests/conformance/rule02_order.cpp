// Rule 2: one sender's messages arrive in the order sent.
#include <array>
#include <cstring>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule2OneSendersOrderIsKept) {
  constexpr std::uint64_t kMessages = 10'000;
  constexpr std::size_t kMost = 300;
  const auto size_of = [](std::uint64_t index) { return 8 + varied_size(index, kMost); };
  open();
  Background other([&] {
    for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) must_send(i, size_of(i));
  });
  for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) {
    SCOPED_TRACE("message " + std::to_string(i));
    must_receive(i, size_of(i));
  }
  if (HasFailure()) sender_->close();
  other.join();
  must_receive_nothing();
}

TEST_P(Conformance, Rule2EachOfSeveralSendersKeepsItsOrder) {
  if (link().second_sender.empty()) GTEST_SKIP() << "a receiver takes one sender here";
  constexpr std::uint64_t kEach = 2'000;
  constexpr std::uint64_t kSecond = 1'000'000;  // where the second sender's numbers begin
  constexpr std::size_t kMost = 9'000;
  const auto size_of = [](std::uint64_t index) { return 8 + varied_size(index, kMost); };
  open();
  const auto second = registry().open_sender(link().second_sender);
  const auto send_all = [&](Sender& sender, std::uint64_t first) {
    for (std::uint64_t i = first; i < first + kEach && !HasFailure(); ++i) {
      ASSERT_EQ(sender.send(sample(i, size_of(i)).view(), soon()), SendResult::sent);
    }
  };
  Background one([&] { send_all(*sender_, 0); });
  Background two([&] { send_all(*second, kSecond); });

  std::array<std::uint64_t, 2> next = {0, kSecond};
  for (std::uint64_t i = 0; i < 2 * kEach && !HasFailure(); ++i) {
    MessageView arrived;
    EXPECT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
    std::uint64_t index = 0;
    std::memcpy(&index, arrived.payload.data(), std::min(sizeof index, arrived.payload.size()));
    std::uint64_t& expected = next[index < kSecond ? 0 : 1];
    EXPECT_EQ(index, expected);
    EXPECT_TRUE(same(arrived, sample(expected, size_of(expected)), carries_origin()));
    ++expected;
  }
  if (HasFailure()) {
    sender_->close();
    second->close();
  }
  one.join();
  two.join();
  must_receive_nothing();
  EXPECT_TRUE(keeps_ledger(*second));
}

}  // namespace
}  // namespace fifomq::conformance
