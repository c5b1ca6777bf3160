// Messages that stay in the pipe until they are committed: what stands in the way, what is given
// up, and what a system does not let us.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"
#include "support/child.hpp"
#include "support/seccomp.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

class ExplicitCommit : public testing::Test {
 protected:
  ExplicitCommit() { open(); }

  void open(std::string_view options = "?capacity=64KiB") {
    receiver_.reset();
    receiver_ = registry_.open_receiver(endpoint() + std::string(options),
                                        {.log =
                                             [this](LogLevel level, std::string_view text) {
                                               if (level == LogLevel::warning)
                                                 said_.emplace_back(text);
                                             },
                                         .explicit_commit = true});
    received_ = 0;
  }
  std::string endpoint() const { return "fifo:" + path_; }
  core::UniqueFd writer() const {
    return core::UniqueFd(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }
  static bool write(const core::UniqueFd& to, std::string_view bytes) {
    return ::write(to.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }
  // The payload, or why there is none.
  std::string receive(Deadline deadline = Deadline::now()) {
    MessageView message;
    const ReceiveResult result = receiver_->receive(message, deadline);
    EXPECT_TRUE(receiver_->counters().balanced());
    if (result != ReceiveResult::received) return to_string(result);
    ++received_;
    return std::string(as_text(message.payload));
  }
  std::size_t receive_and_commit_all() {
    std::size_t count = 0;
    for (; receive() != "timed_out"; ++count) receiver_->commit(received_);
    return count;
  }
  bool readable(int timeout_ms = 0) {
    pollfd item{.fd = receiver_->poll_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&item, 1, timeout_ms) == 1;
  }
  // The path is looked at once more a moment after it is first watched, which wakes who waits.
  void let_the_watch_settle() {
    EXPECT_EQ(receive(), "timed_out");
    EXPECT_TRUE(readable(60'000));
    EXPECT_EQ(receive(), "timed_out");
  }
  int standing() const {
    const core::UniqueFd reader(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    int bytes = -1;
    ioctl(reader.get(), FIONREAD, &bytes);
    return bytes;
  }

  conformance::TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/fifo";
  Registry registry_ = builtin_transports();
  std::vector<std::string> said_;
  std::unique_ptr<Receiver> receiver_;
  std::uint64_t received_ = 0;
};

TEST_F(ExplicitCommit, WhatStandsUncommittedMakesNobodySpin) {
  const auto out = writer();
  let_the_watch_settle();
  EXPECT_FALSE(readable());
  write(out, test::checked_frame("one"));
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(receive(), "timed_out");
  EXPECT_FALSE(readable());
  write(out, test::checked_frame("two"));
  EXPECT_TRUE(readable());
  EXPECT_TRUE(readable()) << "level-triggered";
  EXPECT_EQ(receive(), "two");
  EXPECT_EQ(receive(), "timed_out");
  EXPECT_FALSE(readable());
  receiver_->commit(2);
  EXPECT_FALSE(readable());
  EXPECT_EQ(standing(), 0);
}

TEST_F(ExplicitCommit, DamageBeforeACommittedMessageGoesWithIt) {
  const auto out = writer();
  write(out, std::string(100, 'x') + test::checked_frame("one") + std::string(50, 'y') +
                 test::checked_frame("two"));
  EXPECT_EQ(receive(), "one");
  receiver_->commit(1);
  EXPECT_EQ(receive(), "two");
  const int with_damage = standing();
  receiver_->commit(2);
  EXPECT_EQ(with_damage, 50 + static_cast<int>(test::checked_frame("two").size()));
  EXPECT_EQ(standing(), 0);
}

TEST_F(ExplicitCommit, DamageAloneIsTakenWhenNothingIsUncommitted) {
  const auto out = writer();
  write(out, std::string(4000, 'x'));
  EXPECT_EQ(receive(), "timed_out");
  EXPECT_LT(standing(), 20) << "no more than what may begin a frame";
}

TEST_F(ExplicitCommit, WhatBeginsBeforeACommittedMessageStays) {
  const auto out = writer();
  const std::string first = test::fragment_frame({.total = 6, .offset = 0}, "one");
  write(out, first + test::checked_frame("between"));
  EXPECT_EQ(receive(), "between");
  receiver_->commit(1);
  EXPECT_EQ(standing(), static_cast<int>((first + test::checked_frame("between")).size()));
  open();
  EXPECT_EQ(receive(), "between");
  write(out, test::fragment_frame({.total = 6, .offset = 3}, "two"));
  EXPECT_EQ(receive(), "onetwo");
  receiver_->commit(1);
  EXPECT_GT(standing(), 0);
  receiver_->commit(2);
  EXPECT_EQ(standing(), 0);
}

// Its writer is gone, others are not: it stands at the head of a pipe that fills up behind it.
TEST_F(ExplicitCommit, HalfAMessageDoesNotPinAFullPipe) {
  const auto out = writer();
  write(out, test::fragment_frame({.total = 6, .offset = 0}, "one"));
  const std::string page = test::checked_frame(std::string(4000, 'p'));
  std::size_t sent = 0;
  std::size_t came = 0;
  for (int round = 0; round < 10; ++round) {
    while (write(out, page)) ++sent;
    came += receive_and_commit_all();
  }
  EXPECT_GT(sent, 100U);
  EXPECT_EQ(came, sent);
  EXPECT_EQ(receiver_->counters().messages_pending, 1U) << "it may still come";
  EXPECT_EQ(receiver_->counters().uncommittable, 0U);
}

TEST_F(ExplicitCommit, HalfAMessageIsGivenUpWhenItsWriterLeaves) {
  auto out = writer();
  write(out, test::checked_frame("one") + test::fragment_frame({.total = 6, .offset = 0}, "one"));
  EXPECT_EQ(receive(), "one");
  EXPECT_EQ(receive(), "timed_out");
  out.reset();
  EXPECT_EQ(receive(), "timed_out");
  EXPECT_EQ(receiver_->counters().given_up, 1U);
  receiver_->commit(1);
  EXPECT_EQ(standing(), 0);
  write(writer(), test::checked_frame("two"));
  EXPECT_EQ(receive(), "two");
}

TEST_F(ExplicitCommit, AMessageThatDoesNotFitIsCountedOnce) {
  const auto out = writer();
  constexpr std::uint64_t kTotal = 300'000;
  write(out, test::checked_frame("before"));
  std::uint64_t offset = 0;
  std::string payload;
  bool committed = false;
  while (offset < kTotal) {
    const std::uint64_t part = std::min<std::uint64_t>(3'000, kTotal - offset);
    if (write(out,
              test::fragment_frame({.total = kTotal, .offset = offset}, std::string(part, 'l')))) {
      offset += part;
    } else if (!committed) {
      EXPECT_EQ(receive(), "before");
      EXPECT_EQ(receive(), "timed_out");
      EXPECT_FALSE(write(out, test::checked_frame(std::string(4'000, 'p')))) << "nothing is taken";
      receiver_->commit(1);
      committed = true;
    } else {
      EXPECT_EQ(receive(), "timed_out");
    }
  }
  write(out, test::checked_frame("after"));
  EXPECT_EQ(receive(), std::string(kTotal, 'l'));
  EXPECT_EQ(receive(), "after");
  EXPECT_EQ(receiver_->counters().uncommittable, 1U);
  receiver_->commit(3);
  EXPECT_EQ(standing(), 0);
}

TEST_F(ExplicitCommit, BytesThatSomebodyElseTookAreToldOnce) {
  const auto out = writer();
  const core::UniqueFd thief(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 8> taken{};
  for (int theft = 0; theft < 2; ++theft) {
    write(out, test::checked_frame("one"));
    EXPECT_EQ(receive(), "one");
    ASSERT_EQ(::read(thief.get(), taken.data(), taken.size()), 8);
    EXPECT_EQ(receive(), "timed_out");
  }
  ASSERT_EQ(said_.size(), 1U);
  EXPECT_NE(said_[0].find("somebody else reads from this FIFO"), std::string::npos) << said_[0];
}

TEST_F(ExplicitCommit, APipeThatHasBecomeLargerIsLookedAtWhole) {
  open("?capacity=4KiB");
  const auto out = writer();
  const std::string frame = test::checked_frame(std::string(1'000, 'x'));
  write(out, frame + frame + frame);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(receive().size(), 1'000U);
  ASSERT_GT(fcntl(out.get(), F_SETPIPE_SZ, 64 << 10), 0);
  ASSERT_TRUE(write(out, test::checked_frame(std::string(20'000, 'y'))));
  EXPECT_EQ(receive().size(), 20'000U);
  receiver_->commit(4);
  EXPECT_EQ(standing(), 0);
}

TEST_F(ExplicitCommit, AForeignFrameThatDoesNotFitToo) {
  const auto out = writer();
  const std::string frame = test::checked_frame(std::string(200'000, 'l'));
  for (std::size_t at = 0; at < frame.size();) {
    const auto count = ::write(out.get(), frame.data() + at, frame.size() - at);
    if (count > 0) at += static_cast<std::size_t>(count);
    if (at < frame.size()) {
      EXPECT_EQ(receive(), "timed_out");
    }
  }
  EXPECT_EQ(receive(), std::string(200'000, 'l'));
  EXPECT_EQ(receiver_->counters().uncommittable, 1U);
}

TEST_F(ExplicitCommit, OfferedForFramesAndReadersThatStay) {
  EXPECT_TRUE(receiver_->capabilities().explicit_commit);
  for (const char* const options : {"?framing=line", "?framing=u32be", "?eof=exit"}) {
    open(options);
    EXPECT_FALSE(receiver_->capabilities().explicit_commit) << options;
  }
}

TEST_F(ExplicitCommit, WithoutTeeItWorksAndSaysSoOnce) {
  receiver_.reset();
  for (const int error : {ENOSYS, EPERM}) {
    EXPECT_EQ(test::status_of_child([&] {
                if (!test::forbid({SYS_tee, SYS_splice, SYS_vmsplice, SYS_inotify_init1}, error)) {
                  return 0;
                }
                open();
                if (receiver_->capabilities().explicit_commit) return 1;
                if (said_.size() != 1 || said_[0].find("tee") == std::string::npos) return 2;
                write(writer(), test::checked_frame("one"));
                if (receive() != "one") return 3;
                receiver_->commit(1);
                if (standing() != 0) return 4;
                return said_.size() == 1 ? 0 : 5;
              }),
              0)
        << error;
  }
}

TEST_F(ExplicitCommit, WithoutSpliceItReadsAway) {
  receiver_.reset();
  EXPECT_EQ(test::status_of_child([&] {
              if (!test::forbid({SYS_splice}, EPERM)) return 0;
              open();
              if (!receiver_->capabilities().explicit_commit) return 1;
              const auto out = writer();
              for (int i = 0; i < 40; ++i) {
                if (!write(out, test::checked_frame(std::string(3'900, 'p')))) return 2;
                if (receive().size() != 3'900) return 3;
                if (i > 0) receiver_->commit(static_cast<std::uint64_t>(i));
              }
              receiver_->commit(40);
              return standing() == 0 ? 0 : 4;
            }),
            0);
}

}  // namespace
}  // namespace fifomq
