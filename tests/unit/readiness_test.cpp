// One descriptor for all that a channel end waits for, in the event loops that people have.
#include "core/readiness.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <fifomq/error.hpp>

#include "conformance/polling.hpp"
#include "support/blocked.hpp"
#include "support/child.hpp"
#include "support/sanitized.hpp"
#include "support/soon.hpp"

namespace fifomq::core {
namespace {

using conformance::is_readable;
using conformance::kPollers;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Blocked;
using test::soon;
using test::status_of_child;

// Only what hangs waits so long.

// Every way of looking says the same.
void expect_ready(const Readiness& readiness, bool ready) {
  EXPECT_EQ(readiness.wait(Deadline::now()), ready);
  for (const auto poller : kPollers) {
    EXPECT_EQ(is_readable(readiness.fd(), poller, milliseconds(0)), ready) << to_string(poller);
  }
}

// Readable while its count is not zero.
class Event {
 public:
  int fd() const { return fd_.get(); }
  void set() const { EXPECT_EQ(eventfd_write(fd(), 1), 0); }
  void reset() const {
    eventfd_t count = 0;
    EXPECT_EQ(eventfd_read(fd(), &count), 0);
  }

 private:
  UniqueFd fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

class ReadinessTest : public testing::Test {
 protected:
  // What `happens` ends a wait that has begun, in every kind of wait.
  void expect_wakes(const std::function<void()>& happens, const std::function<void()>& undo) {
    for (const auto poller : kPollers) {
      bool woken = false;
      {
        const Blocked blocked([&] { woken = is_readable(readiness_.fd(), poller, seconds(60)); });
        EXPECT_TRUE(blocked.falls_asleep()) << to_string(poller);
        happens();
      }
      EXPECT_TRUE(woken) << to_string(poller);
      undo();
    }
    bool woken = false;
    {
      const Blocked blocked([&] { woken = readiness_.wait(Deadline::never()); });
      EXPECT_TRUE(blocked.falls_asleep());
      happens();
    }
    EXPECT_TRUE(woken);
  }

  Event event_;
  Readiness readiness_{"s:a"};
};

TEST_F(ReadinessTest, WithNothingToWaitForIsSilent) {
  expect_ready(readiness_, false);
  EXPECT_FALSE(readiness_.closed());
  EXPECT_FALSE(readiness_.is_copy());
}

TEST_F(ReadinessTest, AWatchedDescriptorShowsAsLongAsItIsReady) {
  readiness_.watch(event_.fd(), EPOLLIN);
  expect_ready(readiness_, false);
  event_.set();
  expect_ready(readiness_, true);
  expect_ready(readiness_, true);
  event_.reset();
  expect_ready(readiness_, false);
}

TEST_F(ReadinessTest, AForgottenDescriptorIsNotLookedAt) {
  readiness_.watch(event_.fd(), EPOLLIN);
  event_.set();
  readiness_.forget(event_.fd());
  expect_ready(readiness_, false);
  readiness_.watch(event_.fd(), EPOLLIN);
  expect_ready(readiness_, true);
}

TEST_F(ReadinessTest, WatchingAgainChangesWhatIsWaitedFor) {
  readiness_.watch(event_.fd(), EPOLLIN);
  readiness_.watch(event_.fd(), EPOLLOUT);
  expect_ready(readiness_, true);
  readiness_.watch(event_.fd(), EPOLLIN);
  expect_ready(readiness_, false);
}

// Nothing can be waited for there: a regular file is always ready.
TEST_F(ReadinessTest, ARegularFileIsReady) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  ASSERT_TRUE(file);
  readiness_.watch(fileno(file.get()), EPOLLIN);
  expect_ready(readiness_, true);
}

TEST_F(ReadinessTest, WhatIsNoDescriptorIsAnError) {
  try {
    readiness_.watch(-1, EPOLLIN);
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "s:a: cannot watch a descriptor: Bad file descriptor [system_failure]");
  }
}

TEST_F(ReadinessTest, ASignalHoldsUntilItIsCleared) {
  readiness_.signal();
  readiness_.signal();
  expect_ready(readiness_, true);
  readiness_.clear();
  expect_ready(readiness_, false);
  readiness_.clear();
  readiness_.signal();
  expect_ready(readiness_, true);
}

TEST_F(ReadinessTest, ClearTouchesNothingButTheSignal) {
  readiness_.watch(event_.fd(), EPOLLIN);
  event_.set();
  readiness_.signal();
  readiness_.clear();
  expect_ready(readiness_, true);
}

TEST_F(ReadinessTest, ADescriptorWakesWhoeverWaits) {
  readiness_.watch(event_.fd(), EPOLLIN);
  expect_wakes([&] { event_.set(); }, [&] { event_.reset(); });
}

TEST_F(ReadinessTest, ASignalWakesWhoeverWaits) {
  expect_wakes([&] { readiness_.signal(); }, [&] { readiness_.clear(); });
}

TEST_F(ReadinessTest, ClosingWakesWhoeverWaits) {
  for (const auto poller : kPollers) {
    Readiness readiness("s:a");
    bool woken = false;
    {
      const Blocked blocked([&] { woken = is_readable(readiness.fd(), poller, seconds(60)); });
      EXPECT_TRUE(blocked.falls_asleep()) << to_string(poller);
      readiness.close();
    }
    EXPECT_TRUE(woken) << to_string(poller);
  }
  bool woken = false;
  {
    const Blocked blocked([&] { woken = readiness_.wait(Deadline::never()); });
    EXPECT_TRUE(blocked.falls_asleep());
    readiness_.close();
  }
  EXPECT_TRUE(woken);
}

TEST_F(ReadinessTest, ClosedIsReadyForGood) {
  readiness_.close();
  readiness_.close();
  EXPECT_TRUE(readiness_.closed());
  expect_ready(readiness_, true);
  readiness_.signal();
  readiness_.clear();
  expect_ready(readiness_, true);
}

TEST_F(ReadinessTest, AfterClosingTheOwnerCanStillWaitForTheRest) {
  readiness_.watch(event_.fd(), EPOLLIN);
  readiness_.close();
  readiness_.ignore_close();
  expect_ready(readiness_, false);
  event_.set();
  expect_ready(readiness_, true);
  EXPECT_TRUE(readiness_.closed());
}

// A signal on the way is no reason to come back early, nor to stay longer.
TEST_F(ReadinessTest, AWaitThatIsInterruptedGoesOn) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  bool woken = false;
  {
    Blocked blocked([&] { woken = readiness_.wait(soon()); });
    EXPECT_TRUE(blocked.falls_asleep());
    EXPECT_TRUE(blocked.send_signal(SIGUSR1));
    EXPECT_TRUE(blocked.falls_asleep());
    readiness_.signal();
  }
  EXPECT_TRUE(woken);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(ReadinessTest, ADeadlineEndsAWait) {
  const Deadline deadline = Deadline::after(milliseconds(5));
  EXPECT_FALSE(readiness_.wait(deadline));
  EXPECT_TRUE(deadline.expired());
}

TEST(WaitFor, SaysHowManyAreReady) {
  std::array<Event, 3> events;
  std::array<pollfd, 3> descriptors{};
  for (std::size_t i = 0; i < events.size(); ++i) {
    descriptors.at(i) = {.fd = events.at(i).fd(), .events = POLLIN, .revents = 0};
  }
  EXPECT_EQ(wait_for(descriptors, Deadline::now()), 0);
  events[0].set();
  events[2].set();
  EXPECT_EQ(wait_for(descriptors, Deadline::never()), 2);
  EXPECT_NE(descriptors[0].revents & POLLIN, 0);
  EXPECT_EQ(descriptors[1].revents, 0);
}

TEST(ReadinessWithoutDescriptors, IsAnError) {
  if (test::kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  std::string said;
  try {
    const Readiness readiness("s:a");
  } catch (const Error& error) {
    said = error.what();
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(said, "s:a: cannot set up waiting: Too many open files [system_failure]");
}

bool ready(const Readiness& readiness) { return readiness.wait(Deadline::now()); }

TEST_F(ReadinessTest, ARenewedCopyAndItsParentAreIndependent) {
  readiness_.watch(event_.fd(), EPOLLIN);
  const int number = readiness_.fd();
  EXPECT_EQ(status_of_child([&] {
              if (!readiness_.is_copy()) return 1;
              readiness_.renew();
              if (readiness_.is_copy() || readiness_.fd() != number) return 2;
              if (ready(readiness_)) return 3;
              readiness_.signal();
              if (!ready(readiness_)) return 4;
              readiness_.clear();
              if (ready(readiness_)) return 5;
              // Watched again, as the owner must.
              event_.set();
              if (ready(readiness_)) return 6;
              readiness_.watch(event_.fd(), EPOLLIN);
              if (!ready(readiness_)) return 7;
              readiness_.forget(event_.fd());
              readiness_.signal();
              readiness_.close();
              return ready(readiness_) && readiness_.closed() ? 0 : 8;
            }),
            0);
  expect_ready(readiness_, true);
  event_.reset();
  expect_ready(readiness_, false);
  EXPECT_FALSE(readiness_.closed());
  EXPECT_FALSE(readiness_.is_copy());
}

TEST_F(ReadinessTest, ARenewedCopyKeepsItsSignalAndWhetherItIsClosed) {
  readiness_.signal();
  EXPECT_EQ(status_of_child([&] {
              readiness_.renew();
              if (!ready(readiness_)) return 1;
              readiness_.clear();
              return ready(readiness_) ? 2 : 0;
            }),
            0);
  expect_ready(readiness_, true);
  readiness_.clear();
  readiness_.close();
  EXPECT_EQ(status_of_child([&] {
              readiness_.renew();
              return ready(readiness_) && readiness_.closed() ? 0 : 1;
            }),
            0);
  expect_ready(readiness_, true);
}

TEST_F(ReadinessTest, ACopyClosesItselfAlone) {
  EXPECT_EQ(status_of_child([&] {
              readiness_.close();
              if (!readiness_.closed()) return 1;
              readiness_.renew();
              return ready(readiness_) ? 0 : 2;
            }),
            0);
  expect_ready(readiness_, false);
  EXPECT_FALSE(readiness_.closed());
}

// One thread says that there is something, while the other one says that it has seen it.
TEST_F(ReadinessTest, ASignalThatMeetsAClearStandsNotForEver) {
  constexpr int kMeetings = 20'000;
  std::atomic<int> round = 0;  // negative when the other one has said so
  const std::jthread other([&] {
    for (int mine = 1; mine <= kMeetings; ++mine) {
      while (round.load() != mine) {
      }
      readiness_.signal();
      round.store(-mine);
    }
  });
  for (int i = 1; i <= kMeetings; ++i) {
    round.store(i);
    while (round.load() == i) readiness_.clear();
    readiness_.clear();
    EXPECT_FALSE(readiness_.wait(Deadline::now())) << "after " << i;
  }
}

}  // namespace
}  // namespace fifomq::core
