// Messages that do not fit into the pipe, with a file for what is half done: nothing is lost when
// the reader goes away at any time.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"
#include "support/random.hpp"

namespace fifomq {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLarge = 200'000;  // three pipes full
constexpr int kSenders = 3;
constexpr std::uint64_t kEach = 8;

class HalfDone : public testing::Test {
 protected:
  std::string path() const { return folder_.path() + "/fifo"; }
  std::string endpoint() const { return "fifo:" + path() + "?capacity=64KiB"; }
  std::string file() const { return folder_.path() + "/half_done"; }
  std::unique_ptr<Receiver> open() const {
    return registry_.open_receiver(endpoint(), {.explicit_commit = true, .half_done_file = file()});
  }

  conformance::TemporaryFolder folder_;
  Registry registry_ = builtin_transports();
};

std::string payload_of(int sender, std::uint64_t number) {
  return std::string(kLarge + number, static_cast<char>('a' + sender));
}

// Some large messages, in a thread of its own.
std::jthread sends(const Registry& registry, const std::string& endpoint, int sender) {
  return std::jthread([&registry, endpoint, sender] {
    const auto end = registry.open_sender(endpoint);
    for (std::uint64_t number = 0; number < kEach; ++number) {
      const std::string payload = payload_of(sender, number);
      EXPECT_EQ(end->send({.payload = as_byte_view(payload)}, Deadline::never()), SendResult::sent);
    }
    EXPECT_EQ(end->flush(Deadline::never()), SendResult::sent);
  });
}

// A reader that is gone after a few looks, each of which may have taken something, and commits what
// it has handed out, or goes before that.
TEST_F(HalfDone, NothingIsLostWhereverTheReaderGoes) {
  std::unique_ptr<Receiver> receiver = open();
  // What stands in a pipe is gone with the last process that has it open, here as anywhere.
  const core::UniqueFd holder(::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(holder);
  std::vector<std::jthread> senders;
  senders.reserve(kSenders);
  for (int i = 0; i < kSenders; ++i) senders.push_back(sends(registry_, endpoint(), i));
  test::Random random;
  std::map<std::string, int> received;
  std::uint64_t uncommittable = 0;
  int opened = 0;
  const Deadline soon = Deadline::after(60s);
  for (; received.size() < kSenders * kEach && !soon.expired(); ++opened) {
    std::uint64_t here = 0;
    for (std::uint64_t looks = random.between(1, 3); looks > 0; --looks) {
      MessageView message;
      if (receiver->receive(message, Deadline::after(1ms)) == ReceiveResult::received) {
        ++received[std::string(as_text(message.payload))];
        ++here;
      }
      if (random.between(0, 3) > 0) receiver->commit(here);
    }
    uncommittable += receiver->counters().uncommittable;
    receiver.reset();
    receiver = open();
  }
  for (int i = 0; i < kSenders; ++i) {
    for (std::uint64_t number = 0; number < kEach; ++number) {
      EXPECT_GE(received[payload_of(i, number)], 1) << i << " " << number;
    }
  }
  EXPECT_EQ(received.size(), kSenders * kEach) << "and nothing else";
  EXPECT_EQ(uncommittable, 0);
  EXPECT_GT(opened, 5);
}

TEST_F(HalfDone, TheFileGoesWhenItIsNotNeeded) {
  std::unique_ptr<Receiver> receiver = open();
  const std::jthread sender([this] {
    const auto end = registry_.open_sender(endpoint());
    const std::string payload = payload_of(0, 0);
    EXPECT_EQ(end->send({.payload = as_byte_view(payload)}, Deadline::never()), SendResult::sent);
    EXPECT_EQ(end->flush(Deadline::never()), SendResult::sent);
  });
  MessageView message;
  ASSERT_EQ(receiver->receive(message, Deadline::after(60s)), ReceiveResult::received);
  EXPECT_EQ(message.payload.size(), kLarge);
  EXPECT_TRUE(std::filesystem::exists(file()));
  receiver->commit(1);
  EXPECT_EQ(receiver->receive(message, Deadline::now()), ReceiveResult::timed_out);
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(HalfDone, WhereTheFileCannotBeKeptNothingIsTaken) {
  std::filesystem::create_directory(file());
  EXPECT_THROW(open(), Error);
  std::filesystem::remove(file());
  std::unique_ptr<Receiver> receiver = open();
  std::filesystem::create_directory(file());
  std::jthread sender([this] {
    const auto end = registry_.open_sender(endpoint());
    const std::string payload = payload_of(0, 0);
    EXPECT_EQ(end->send({.payload = as_byte_view(payload)}, Deadline::never()), SendResult::sent);
    EXPECT_EQ(end->flush(Deadline::never()), SendResult::sent);
  });
  MessageView message;
  EXPECT_EQ(receiver->receive(message, Deadline::after(100ms)), ReceiveResult::timed_out);
  EXPECT_EQ(receiver->counters().uncommittable, 0);
  std::filesystem::remove(file());
  ASSERT_EQ(receiver->receive(message, Deadline::after(60s)), ReceiveResult::received);
  EXPECT_EQ(message.payload.size(), kLarge);
}

}  // namespace
}  // namespace fifomq
