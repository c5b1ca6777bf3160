// The path of an open FIFO comes to lead to another one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"
#include "support/soon.hpp"

namespace fifomq {
namespace {

using test::soon;

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// With and without explicit commit.
class ReplacedPath : public testing::TestWithParam<bool> {
 protected:
  ReplacedPath() { fs::create_directory(folder()); }

  std::string folder() const { return folder_.path() + "/folder"; }
  std::string path() const { return folder() + "/fifo"; }
  std::string endpoint(std::string_view options = "") const {
    return "fifo:" + path() + std::string(options);
  }
  std::unique_ptr<Receiver> receiver(std::string_view options = "") {
    return registry_.open_receiver(endpoint(options),
                                   {.log =
                                        [this](LogLevel level, std::string_view text) {
                                          if (level == LogLevel::warning) said_.emplace_back(text);
                                        },
                                    .explicit_commit = GetParam()});
  }
  // Until the receiver has found something to complain about.
  void await_complaint(Receiver& receiver) const {
    for (const Deadline deadline = soon(); said_.empty() && !deadline.expired();) {
      EXPECT_EQ(receive(receiver, Deadline::after(20ms)), "timed_out");
    }
  }
  std::unique_ptr<Sender> sender(std::string_view options = "?coalesce=no") {
    return registry_.open_sender(endpoint(options));
  }
  static void send(Sender& sender, std::string_view text) {
    ASSERT_EQ(sender.send({.payload = as_byte_view(text)}, soon()), SendResult::sent) << text;
    ASSERT_EQ(sender.flush(soon()), SendResult::sent) << text;
  }
  static std::string receive(Receiver& receiver, Deadline deadline = soon()) {
    MessageView message;
    const ReceiveResult result = receiver.receive(message, deadline);
    if (result != ReceiveResult::received) return to_string(result);
    return std::string(as_text(message.payload));
  }
  // As an event loop does it.
  static std::string receive_when_readable(Receiver& receiver) {
    for (const Deadline deadline = soon(); !deadline.expired();) {
      pollfd item{.fd = receiver.poll_fd(), .events = POLLIN, .revents = 0};
      ::poll(&item, 1, 20'000);
      std::string said = receive(receiver, Deadline::now());
      if (said != "timed_out") return said;
    }
    return "too late";
  }
  // Until the receiver has opened the other one. Returns what came meanwhile.
  static std::vector<std::string> notice(Receiver& receiver) {
    std::vector<std::string> came;
    for (const Deadline deadline = soon(); receiver.counters().reopened == 0;) {
      if (deadline.expired()) return {"not noticed"};
      const std::string said = receive(receiver, Deadline::after(20ms));
      if (said != "timed_out") came.push_back(said);
    }
    return came;
  }
  ino_t inode() const {
    struct stat status {};
    return stat(path().c_str(), &status) == 0 ? status.st_ino : 0;
  }

  conformance::TemporaryFolder folder_;
  Registry registry_ = builtin_transports();
  std::vector<std::string> said_;
};

TEST_P(ReplacedPath, RemovedAndMadeAnew) {
  const auto in = receiver();
  const auto before = sender();
  send(*before, "before");
  EXPECT_EQ(receive(*in), "before");
  fs::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  const auto after = sender();
  send(*after, "after");
  EXPECT_EQ(receive_when_readable(*in), "after");
  send(*before, "still");
  EXPECT_EQ(receive(*in), "still") << "the former one is read beside it";
  send(*after, "both");
  EXPECT_EQ(receive_when_readable(*in), "both");
  const Counters counters = in->counters();
  EXPECT_EQ(counters.reopened, 1U);
  EXPECT_EQ(counters.messages_delivered, 4U);
  EXPECT_TRUE(counters.balanced());
}

TEST_P(ReplacedPath, RemovedAloneIsMadeAgain) {
  const auto in = receiver();
  const ino_t first = inode();
  fs::remove(path());
  EXPECT_EQ(receive(*in, Deadline::after(1s)), "timed_out");
  EXPECT_NE(inode(), 0U);
  EXPECT_NE(inode(), first);
  send(*sender(), "after");
  EXPECT_EQ(receive(*in), "after");
}

TEST_P(ReplacedPath, RemovedAloneStaysMissingWithoutCreate) {
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  const auto in = receiver("?create=no");
  fs::remove(path());
  EXPECT_EQ(receive(*in, Deadline::after(1s)), "timed_out");
  EXPECT_EQ(inode(), 0U);
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  send(*sender(), "after");
  EXPECT_EQ(receive(*in), "after");
}

TEST_P(ReplacedPath, AnotherOneRenamedOverIt) {
  const auto in = receiver();
  const auto before = sender();
  send(*before, "before");
  ASSERT_EQ(mkfifo((path() + "2").c_str(), 0600), 0);
  fs::rename(path() + "2", path());
  EXPECT_EQ(notice(*in), std::vector<std::string>{"before"});
  send(*sender(), "after");
  EXPECT_EQ(receive(*in), "after");
}

TEST_P(ReplacedPath, ItsFolderRemovedAndMadeAnew) {
  const auto in = receiver();
  fs::remove_all(folder());
  fs::create_directory(folder());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  send(*sender(), "after");
  EXPECT_EQ(receive(*in), "after");
}

TEST_P(ReplacedPath, ItsFolderMissingForAWhile) {
  const auto in = receiver();
  fs::remove_all(folder());
  await_complaint(*in);
  fs::create_directory(folder());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  EXPECT_EQ(said_.size(), 1U);
}

TEST_P(ReplacedPath, BySomethingElseForAWhile) {
  const auto in = receiver();
  const auto before = sender();
  ASSERT_EQ(mkdir((path() + "2").c_str(), 0700), 0);
  fs::remove(path());
  fs::rename(path() + "2", path());
  await_complaint(*in);
  EXPECT_EQ(said_.size(), 1U);
  EXPECT_NE(said_.at(0).find("is not a FIFO (directory)"), std::string::npos) << said_.at(0);
  send(*before, "still");
  EXPECT_EQ(receive(*in), "still");
  fs::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  EXPECT_EQ(said_.size(), 1U);
}

TEST_P(ReplacedPath, ItsFolderRenamed) {
  const auto in = receiver();
  fs::rename(folder(), folder() + "2");
  fs::create_directory(folder());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  send(*sender(), "after");
  EXPECT_EQ(receive(*in), "after");
}

// The reader of the other one has it; the first reader goes on with what it has.
TEST_P(ReplacedPath, ByOneThatSomebodyElseReads) {
  const auto in = receiver();
  const auto before = sender();
  send(*before, "one");
  fs::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  auto other = receiver();
  EXPECT_EQ(receive(*in), "one");
  EXPECT_EQ(receive(*in, Deadline::after(100ms)), "timed_out");
  send(*before, "two");
  EXPECT_EQ(receive(*in), "two");
  other.reset();
  EXPECT_TRUE(notice(*in).empty());
  send(*sender(), "three");
  EXPECT_EQ(receive(*in), "three");
}

TEST_P(ReplacedPath, HalfAMessageInTheFormerOneIsGivenUp) {
  const auto in = receiver();
  core::UniqueFd writer(::open(path().c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::write(writer.get(), "\x50\x0D\xF1\xF0\xFE\xC5", 6), 6);
  EXPECT_EQ(receive(*in, Deadline::after(10ms)), "timed_out");
  fs::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_TRUE(notice(*in).empty());
  const auto after = sender();
  send(*after, "after");
  EXPECT_EQ(receive(*in), "after");
  EXPECT_EQ(in->counters().bytes_pending, 6U);
  writer.reset();
  EXPECT_EQ(receive(*in, Deadline::after(50ms)), "timed_out");
  EXPECT_EQ(in->counters().frames_damaged, 1U);
  EXPECT_EQ(in->counters().bytes_pending, 0U);
  EXPECT_TRUE(in->counters().balanced());
}

TEST_P(ReplacedPath, ASenderWithoutReaderMovesOn) {
  auto in = receiver();
  const auto out = sender("?coalesce=no");
  send(*out, "one");
  EXPECT_EQ(receive(*in), "one");
  in->commit(1);
  in.reset();
  fs::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(out->send({.payload = as_byte_view("two")}, Deadline::after(50ms)),
            SendResult::no_peer);
  in = receiver();
  send(*out, "three");
  EXPECT_EQ(receive(*in), "three");
  EXPECT_EQ(receive(*in, Deadline::now()), "timed_out");
}

INSTANTIATE_TEST_SUITE_P(Each, ReplacedPath, testing::Bool(),
                         [](const auto& each) { return each.param ? "commits" : "takes"; });

}  // namespace
}  // namespace fifomq
