// Rule 10: sizes are bounded, and what is over a bound is refused or counted.

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule10TooLargeIsRefusedBeforeAnythingLeaves) {
  open({}, "max_message=1KiB");
  must_send(0, 1024);
  ASSERT_EQ(sender_->flush(soon()), SendResult::sent);
  const Counters before = sender_->counters();
  for (const std::size_t size : {std::size_t{1025}, std::size_t{8} << 20}) {
    try {
      sender_->send(sample(1, size).view(), soon());
      FAIL() << size << " bytes were accepted where 1024 is the limit";
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_EQ(error.errc(), Errc::too_large) << text;
      EXPECT_NE(text.find(std::to_string(size)), std::string::npos) << text;
      EXPECT_NE(text.find("1024"), std::string::npos) << text;
      EXPECT_NE(text.find(sender_->endpoint().text()), std::string::npos) << text;
    }
  }
  EXPECT_EQ(sender_->counters().bytes_out, before.bytes_out);
  EXPECT_EQ(sender_->counters().messages_received, before.messages_received);
  must_send(2, 1024);
  must_receive(0, 1024);
  must_receive(2, 1024);
  must_receive_nothing();
}

// Sends a small, a large and a small message to a receiver that takes no large ones.
class LargeBetweenSmall {
 public:
  explicit LargeBetweenSmall(Sender& sender)
      : thread_([&sender] {
          const std::size_t sizes[] = {10, std::size_t{1} << 20, 11};
          for (const std::size_t size : sizes) {
            ASSERT_EQ(sender.send(sample(size, size).view(), soon()), SendResult::sent);
          }
        }) {}
  LargeBetweenSmall(const LargeBetweenSmall&) = delete;
  LargeBetweenSmall& operator=(const LargeBetweenSmall&) = delete;
  LargeBetweenSmall(LargeBetweenSmall&&) = delete;
  LargeBetweenSmall& operator=(LargeBetweenSmall&&) = delete;
  ~LargeBetweenSmall() = default;

 private:
  Background thread_;
};

TEST_P(Conformance, Rule10ReceiversDropAndCountWhatIsTooLarge) {
  open({}, {}, "max_message=1KiB");
  {
    const LargeBetweenSmall traffic(*sender_);
    must_receive(10, 10);
    must_receive(11, 11);
  }
  EXPECT_EQ(receiver_->counters().too_large, 1U);
  EXPECT_EQ(receiver_->counters().messages_received, 3U);
  EXPECT_EQ(receiver_->counters().messages_pending, 0U);
}

TEST_P(Conformance, Rule10ReassemblyMemoryIsBounded) {
  if (!has_option(link().receiver, "reassembly_memory")) {
    GTEST_SKIP() << "nothing is reassembled here: no option reassembly_memory";
  }
  open({}, {}, "reassembly_memory=64KiB");
  {
    const LargeBetweenSmall traffic(*sender_);
    must_receive(10, 10);
    must_receive(11, 11);
  }
  EXPECT_EQ(receiver_->counters().over_memory, 1U);
  EXPECT_EQ(receiver_->counters().messages_received, 3U);
  EXPECT_EQ(receiver_->counters().messages_pending, 0U);
}

}  // namespace
}  // namespace fifomq::conformance
