// pages=reused: who reads gets what was sent, whatever becomes of the pages afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include <fifomq/builtin.hpp>
#include <fifomq/transport.hpp>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"
#include "support/random.hpp"
#include "support/soon.hpp"

namespace fifomq {
namespace {

using test::soon;

char letter(std::uint64_t number) { return static_cast<char>(number % 251); }

class ReusedPages : public testing::Test {
 protected:
  std::unique_ptr<Receiver> receiver(std::string_view options = "") {
    return registry_.open_receiver("fifo:" + path_ + std::string(options));
  }
  std::unique_ptr<Sender> sender(std::string_view options) {
    return registry_.open_sender("fifo:" + path_ + std::string(options));
  }
  // Of any size, each filled with what its number says.
  static bool send_some(Sender& sender, std::uint64_t count) {
    test::Random random;
    for (std::uint64_t i = 0; i < count; ++i) {
      const bool large = random.one_in(2);
      const std::string payload(random.between(1, large ? 100'000 : 3'000), letter(i));
      if (sender.send({.payload = as_byte_view(payload)}, soon()) != SendResult::sent) return false;
    }
    return sender.flush(soon()) == SendResult::sent;
  }
  static void receive_all(Receiver& receiver, std::uint64_t count) {
    std::map<std::uint64_t, std::uint64_t> next;
    for (std::uint64_t i = 0; i < count; ++i) {
      MessageView message;
      ASSERT_EQ(receiver.receive(message, soon()), ReceiveResult::received) << i;
      const std::string_view payload = as_text(message.payload);
      const char wanted = letter(next[message.origin->writer]++);
      ASSERT_EQ(payload.find_first_not_of(wanted), std::string_view::npos) << i;
    }
    EXPECT_EQ(receiver.counters().frames_damaged, 0U);
  }

  conformance::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/pipe";
  Registry registry_ = builtin_transports();
};

TEST_F(ReusedPages, BringWhatWasSentToWhoReads) {
  constexpr std::uint64_t kEach = 1'500;
  // The last one, which root alone gets, holds more pages than there are in turn.
  for (const char* options : {"?capacity=16KiB", "?capacity=1MiB", "?capacity=4MiB"}) {
    const auto in = receiver(options);
    const auto out = sender("?pages=reused");
    bool sent = false;
    std::jthread other([&] { sent = send_some(*out, kEach); });
    receive_all(*in, kEach);
    other.join();
    EXPECT_TRUE(sent);
  }
}

// The sender goes on where the path leads now. Meanwhile, and later, what it has left behind is
// somebody else's.
TEST_F(ReusedPages, OfAPipeThatWasLeftStayAsTheyAre) {
  constexpr std::uint64_t kMany = 400;
  constexpr int kLeft = 16;
  auto in = receiver();
  const auto out = sender("?pages=reused");
  const auto pass_many = [&] {
    bool sent = false;
    std::jthread other([&] { sent = send_some(*out, kMany); });
    receive_all(*in, kMany);
    other.join();
    EXPECT_TRUE(sent);
  };
  pass_many();
  const core::UniqueFd holder(open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(holder);
  const std::string left(3'000, 'x');
  for (int i = 0; i < kLeft; ++i) {
    ASSERT_EQ(out->send({.payload = as_byte_view(left)}, soon()), SendResult::sent);
  }
  ASSERT_EQ(out->flush(soon()), SendResult::sent);
  in.reset();
  const std::string old_path = path_ + ".old";
  std::filesystem::rename(path_, old_path);
  in = receiver();
  pass_many();
  const auto late = registry_.open_receiver("fifo:" + old_path);
  for (int i = 0; i < kLeft; ++i) {
    MessageView message;
    ASSERT_EQ(late->receive(message, soon()), ReceiveResult::received) << i;
    ASSERT_EQ(as_text(message.payload), left);
  }
}

}  // namespace
}  // namespace fifomq
