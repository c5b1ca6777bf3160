// Under load a sender gathers messages into pages: all arrive, in order, without another call, and
// on both sides of a fork.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <thread>

#include <fifomq/builtin.hpp>
#include <fifomq/transport.hpp>

#include "conformance/suite.hpp"
#include "support/child.hpp"
#include "support/soon.hpp"

namespace fifomq {
namespace {

using test::soon;

constexpr int kMessages = 50'000;

class Gathering : public testing::Test {
 protected:
  std::unique_ptr<Receiver> receiver(const std::string& options = "") {
    return registry_.open_receiver("fifo:" + folder_.path() + "/pipe" + options);
  }
  std::unique_ptr<Sender> sender() {
    return registry_.open_sender("fifo:" + folder_.path() + "/pipe");
  }
  // As fast as it goes, with nothing but a payload: its number, and more of it in some.
  static bool send_all(Sender& sender, int count, int first = 0) {
    std::string payload;
    for (int i = first; i < first + count; ++i) {
      payload.assign(sizeof i + static_cast<std::size_t>(i % 7) * 40, 'p');
      std::memcpy(payload.data(), &i, sizeof i);
      if (sender.send({.payload = as_byte_view(payload)}, soon()) != SendResult::sent) return false;
    }
    return true;
  }
  // Takes so many, each writer's in its order, all whole.
  static void receive_all(Receiver& receiver, int count) {
    std::map<std::uint64_t, int> next;
    for (int i = 0; i < count; ++i) {
      MessageView message;
      ASSERT_EQ(receiver.receive(message, soon()), ReceiveResult::received) << i;
      int number = -1;
      ASSERT_GE(message.payload.size(), sizeof number);
      std::memcpy(&number, message.payload.data(), sizeof number);
      ASSERT_EQ(number, next[message.origin->writer]++);
      ASSERT_EQ(message.payload.size(), sizeof number + static_cast<std::size_t>(number % 7) * 40);
    }
  }

  conformance::TemporaryFolder folder_;
  Registry registry_ = builtin_transports();
};

TEST_F(Gathering, EverythingArrivesWithoutAnotherCall) {
  for (const char* options : {"", "?busy_poll=50us"}) {
    const auto in = receiver(options);
    const auto out = sender();
    bool sent = false;
    std::jthread other([&] { sent = send_all(*out, kMessages); });
    receive_all(*in, kMessages);
    other.join();
    EXPECT_TRUE(sent);
    EXPECT_EQ(out->flush(soon()), SendResult::sent);
    EXPECT_EQ(out->settled(), static_cast<std::uint64_t>(kMessages));
    EXPECT_EQ(out->counters().bytes_out, in->counters().bytes_in);
    EXPECT_EQ(in->counters().sequence_gaps, 0U);
  }
}

TEST_F(Gathering, ADestroyedSenderLeavesNothingBehind) {
  const auto in = receiver();
  auto out = sender();
  std::jthread other([&] {
    send_all(*out, kMessages);
    out.reset();
  });
  receive_all(*in, kMessages);
}

// The child's copy is a writer of its own, with a thread of its own.
TEST_F(Gathering, EachSideOfAForkGathersForItself) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer allows no thread in the child of a process with threads";
#endif
  constexpr int kEach = 20'000;
  const auto in = receiver();
  auto out = sender();
  bool sent = false;
  std::jthread other([&] {
    sent = send_all(*out, kEach) && out->flush(soon()) == SendResult::sent;
    sent = sent && test::status_of_child([&] {
                     if (!send_all(*out, kEach)) return 1;
                     // This, too, waits for what was gathered.
                     out.reset();
                     return 0;
                   }) == 0;
    sent = sent && send_all(*out, kEach, kEach) && out->flush(soon()) == SendResult::sent;
    out = sender();
    sent = sent && send_all(*out, kEach) && out->flush(soon()) == SendResult::sent;
  });
  receive_all(*in, 4 * kEach);
  other.join();
  EXPECT_TRUE(sent);
  EXPECT_EQ(in->counters().sequence_gaps, 0U);
}

TEST_F(Gathering, AChildThatOnlyDestroysItsCopyLeavesTheParentItsOwn) {
  const auto in = receiver();
  auto out = sender();
  bool sent = false;
  std::jthread other([&] {
    sent = send_all(*out, kMessages);
    // While pages wait.
    sent = sent && test::status_of_child([&] {
                     out.reset();
                     return 0;
                   }) == 0;
    sent = sent && send_all(*out, kMessages, kMessages);
    out.reset();
  });
  receive_all(*in, 2 * kMessages);
  other.join();
  EXPECT_TRUE(sent);
}

}  // namespace
}  // namespace fifomq
