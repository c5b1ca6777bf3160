// The thread behind a sender: when it takes its turns, and when it is none.
#include "core/flusher.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>

#include <fifomq/error.hpp>

#include "core/identity.hpp"
#include "core/unique_fd.hpp"
#include "support/child.hpp"

namespace fifomq {
namespace {

using core::Flusher;

// Hands turns from the flusher's thread to the test's.
class Turns {
 public:
  void add(bool woken_by_descriptor) {
    const std::lock_guard lock(mutex_);
    made_.push(woken_by_descriptor);
    changed_.notify_all();
  }
  // Whether the descriptor woke it; absent when none comes.
  std::optional<bool> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return !made_.empty(); })) {
      return {};
    }
    const bool first = made_.front();
    made_.pop();
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::queue<bool> made_;
};

TEST(Flusher, TakesATurnWhenItIsArmedWhenItsPauseEndsAndWhenItsDescriptorIsReadable) {
  Turns turns;
  const core::UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  int turn = 0;
  Flusher flusher("fake:", [&](bool woken_by_descriptor) -> Flusher::Next {
    eventfd_t ignored = 0;
    eventfd_read(event.get(), &ignored);
    turns.add(woken_by_descriptor);
    if (++turn == 1) return {.pause = std::chrono::milliseconds(1)};
    if (turn == 2) return {.pause = {}, .fd = event.get()};
    return {};
  });
  flusher.arm();
  EXPECT_EQ(turns.take(), false);
  EXPECT_EQ(turns.take(), false) << "the pause";
  eventfd_write(event.get(), 1);
  EXPECT_EQ(turns.take(), true) << "the descriptor";
  flusher.arm();
  EXPECT_EQ(turns.take(), false);
}

TEST(Flusher, ItsEndWaitsForTheTurnThatIsRunning) {
  std::promise<void> begun;
  std::promise<void> go_on;
  bool through = false;
  auto flusher = std::make_unique<Flusher>("fake:", [&](bool) -> Flusher::Next {
    begun.set_value();
    go_on.get_future().wait();
    through = true;
    return {};
  });
  flusher->arm();
  begun.get_future().wait();
  auto ended = std::async(std::launch::async, [&] { flusher.reset(); });
  go_on.set_value();
  ended.wait();
  EXPECT_TRUE(through);
}

// A turn that runs is waited for by fork(), and the child can leave its copy alone.
TEST(Flusher, AChildLeavesItsCopyToTheParent) {
  core::fork_generation();  // from here on forks are noticed
  Turns turns;
  std::atomic<bool> running = false;
  auto flusher = std::make_unique<Flusher>("fake:", [&](bool) -> Flusher::Next {
    running = true;
    turns.add(false);
    running = false;
    return {.pause = std::chrono::nanoseconds(1)};
  });
  flusher->arm();
  ASSERT_TRUE(turns.take());
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(test::status_of_child([&] {
                if (running) return 1;
                Flusher::leave_to_parent(std::move(flusher));
                return 0;
              }),
              0);
  }
  ASSERT_TRUE(turns.take()) << "the parent's goes on";
}

TEST(Flusher, BlocksAllSignalsInItsThreadAlone) {
  Turns turns;
  Flusher flusher("fake:", [&](bool) -> Flusher::Next {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    turns.add(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1);
    return {};
  });
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
  flusher.arm();
  EXPECT_EQ(turns.take(), true);
}

// No thread gets a stack of that size.
TEST(Flusher, AThreadThatCannotStartIsAnErrorAndLeavesTheSignalsAsTheyWere) {
  constexpr std::size_t kTooMuch = std::size_t{1} << 60;
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_getattr_default_np(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kTooMuch), 0);
  ASSERT_EQ(pthread_setattr_default_np(&attributes), 0);
  const auto start = [] { Flusher("fake:", [](bool) { return Flusher::Next{}; }); };
  EXPECT_THROW(start(), Error);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
  EXPECT_EQ(pthread_setattr_default_np(&before), 0);
  pthread_attr_destroy(&attributes);
  pthread_attr_destroy(&before);
}

}  // namespace
}  // namespace fifomq
