// What the ends of a spool are to their process: to its children, its descriptors, its disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"
#include "support/child.hpp"

namespace fifomq::spool {
namespace {

namespace fs = std::filesystem;

class SpoolEnds : public testing::Test {
 protected:
  std::string endpoint(const std::string& options = "") const { return "spool:" + path_ + options; }
  static Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

  static SendResult send(Sender& sender, std::size_t size, Deadline deadline) {
    const std::string payload(size, 'p');
    return sender.send({.payload = as_byte_view(payload)}, deadline);
  }
  static ReceiveResult receive(Receiver& receiver) {
    MessageView message;
    return receiver.receive(message, soon());
  }
  static std::size_t descriptors() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
  }
  std::uintmax_t bytes_on_disk() const {
    std::uintmax_t sum = 0;
    for (const auto& entry : fs::directory_iterator(path_)) sum += entry.file_size();
    return sum;
  }
  template <typename Call>
  static Errc error_of(const Call& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.errc();
    }
    return Errc{};
  }

  conformance::TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/spool";
  const Registry registry_ = builtin_transports();
};

// What follows closely is told a moment later, which a sender that is killed has not. Its receiver
// sleeps by then.
TEST_F(SpoolEnds, WhatAKilledSenderHasNotToldIsFoundWhenItIsGone) {
  const auto receiver = registry_.open_receiver(endpoint());
  for (int round = 0; round < 50; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const core::UniqueFd hears(ends[0]);
    const core::UniqueFd tells(ends[1]);
    const pid_t child = fork();
    if (child == 0) {
      const auto sender = registry_.open_sender(endpoint());
      const bool sent = send(*sender, 10, soon()) == SendResult::sent;
      char go = 0;
      if (!sent || ::read(hears.get(), &go, 1) != 1) _exit(1);
      if (send(*sender, 10, soon()) != SendResult::sent) _exit(2);
      kill(getpid(), SIGKILL);
    }
    ASSERT_EQ(receive(*receiver), ReceiveResult::received) << round;
    ASSERT_EQ(::write(tells.get(), "g", 1), 1);
    EXPECT_EQ(receive(*receiver), ReceiveResult::received) << round;
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && !testing::Test::HasFailure()) << round;
  }
}

TEST_F(SpoolEnds, WhatFollowsCloselyArrivesWithoutAnotherCall) {
  const std::string rarely = endpoint("?sync=interval=60s");  // no turn for the disk tells it
  const auto sender = registry_.open_sender(rarely);
  const auto receiver = registry_.open_receiver(rarely);
  std::atomic<int> received = 0;
  const std::jthread reader([&] {
    while (receive(*receiver) == ReceiveResult::received) {
      ++received;
      received.notify_one();
    }
    received = -1;
    received.notify_one();
  });
  for (int round = 0; round < 200 && received >= 0; ++round) {
    ASSERT_EQ(send(*sender, 10, soon()), SendResult::sent);
    received.wait(round);
    EXPECT_EQ(received, round + 1);
  }
  receiver->close();
}

TEST_F(SpoolEnds, AForkedChildIsRefusedAndHurtsNothing) {
  const auto sender = registry_.open_sender(endpoint());
  auto receiver = registry_.open_receiver(endpoint(), {.explicit_commit = true});
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(send(*sender, 100, soon()), SendResult::sent);
    ASSERT_EQ(receive(*receiver), ReceiveResult::received);
    const int status = test::status_of_child([&] {
      if (error_of([&] { send(*sender, 100, soon()); }) != Errc::in_use) return 1;
      if (error_of([&] { sender->flush(soon()); }) != Errc::in_use) return 2;
      if (error_of([&] { receive(*receiver); }) != Errc::in_use) return 3;
      if (error_of([&] { receiver->commit(100); }) != Errc::in_use) return 4;
      receiver.reset();
      return 0;
    });
    ASSERT_EQ(status, 0);
  }
  receiver->commit(19);
  receiver.reset();
  receiver = registry_.open_receiver(endpoint());
  EXPECT_EQ(receive(*receiver), ReceiveResult::received);
  MessageView message;
  EXPECT_EQ(receiver->receive(message, Deadline::now()), ReceiveResult::timed_out);
  EXPECT_EQ(receiver->counters().frames_damaged, 0U);
}

TEST_F(SpoolEnds, LeaveNoDescriptorAndGiveNoneToAChild) {
  const auto open_and_close = [&] {
    const auto sender = registry_.open_sender(endpoint());
    const auto receiver = registry_.open_receiver(endpoint());
    ASSERT_EQ(send(*sender, 100, soon()), SendResult::sent);
    ASSERT_EQ(receive(*receiver), ReceiveResult::received);
    sender->poll_fd();
    receiver->poll_fd();
    for (const auto& fd : fs::directory_iterator("/proc/self/fd")) {
      const int number = std::stoi(fd.path().filename());
      std::error_code ignored;
      if (!fs::read_symlink(fd, ignored).string().starts_with(path_)) continue;
      EXPECT_NE(fcntl(number, F_GETFD) & FD_CLOEXEC, 0) << fs::read_symlink(fd, ignored);
    }
  };
  open_and_close();
  const std::size_t before = descriptors();
  for (int i = 0; i < 50; ++i) open_and_close();
  EXPECT_EQ(descriptors(), before);
}

TEST_F(SpoolEnds, SettledIsWhatTheSyncSays) {
  for (const char* sync : {"interval=1h", "never"}) {
    const auto sender = registry_.open_sender(endpoint("?sync=" + std::string(sync)));
    ASSERT_EQ(send(*sender, 100, soon()), SendResult::sent);
    EXPECT_EQ(sender->settled(), 1U) << sync;
  }
  const auto sender = registry_.open_sender(endpoint());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(send(*sender, 100, soon()), SendResult::sent);
  const Deadline deadline = soon();
  while (sender->settled() < 100 && !deadline.expired()) {
  }
  EXPECT_EQ(sender->settled(), 100U);
}

// What waits is bounded, and what is done with leaves the disk; of a spool with a size of 1 MiB, an
// eighth more than that is there at most, and the segment that is begun.
TEST_F(SpoolEnds, TheDiskTakesNoMoreThanItsSize) {
  constexpr std::uintmax_t kMost = (std::uintmax_t{1} << 20) * 5 / 4 + 4096;
  const auto sender = registry_.open_sender(endpoint("?size=1MiB&sync=never"));
  const auto receiver = registry_.open_receiver(endpoint(), {.explicit_commit = true});
  std::uint64_t received = 0;
  for (int round = 0; round < 5; ++round) {
    std::uint64_t sent = 0;
    while (send(*sender, 5'000, Deadline::now()) == SendResult::sent) ++sent;
    EXPECT_GE(sent, 200U);
    EXPECT_LE(bytes_on_disk(), kMost);
    for (std::uint64_t i = 0; i < sent; ++i) {
      ASSERT_EQ(receive(*receiver), ReceiveResult::received);
    }
    EXPECT_EQ(send(*sender, 5'000, Deadline::now()), SendResult::timed_out) << "none is committed";
    received += sent;
    receiver->commit(received);
  }
}

TEST_F(SpoolEnds, AFolderThatIsNoPlaceForASpoolIsRefused) {
  std::ofstream(folder_.path() + "/file") << "here";
  const auto code_for = [&](const std::string& spool) {
    const Errc code = error_of([&] { registry_.open_sender(spool); });
    EXPECT_EQ(error_of([&] { registry_.open_receiver(spool); }), code);
    EXPECT_EQ(error_of([&] { registry_.check(spool, Direction::send); }), code);
    return code;
  };
  EXPECT_EQ(code_for("spool:" + folder_.path() + "/file"), Errc::wrong_type);
  EXPECT_EQ(code_for("spool:" + folder_.path() + "/missing/spool"), Errc::not_found);
  EXPECT_EQ(code_for("spool:"), Errc::invalid_endpoint);
  EXPECT_EQ(code_for(endpoint("?sync=interval")), Errc::invalid_option);
  fs::create_directory(path_);
  ASSERT_EQ(chmod(path_.c_str(), 0777), 0);
  EXPECT_EQ(code_for(endpoint()), Errc::permission_denied);
  ASSERT_EQ(chmod(path_.c_str(), 0770), 0);
  EXPECT_EQ(code_for(endpoint()), Errc{});
}

}  // namespace
}  // namespace fifomq::spool
