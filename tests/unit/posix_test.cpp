// What reading and writing say about the other end of a real pipe.
#include "core/posix.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "core/unique_fd.hpp"
#include "support/blocked.hpp"

namespace fifomq::core {
namespace {

struct Pipe {
  explicit Pipe(int flags = O_NONBLOCK) {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | flags), 0);
    reading = UniqueFd(ends[0]);
    writing = UniqueFd(ends[1]);
  }
  UniqueFd reading;
  UniqueFd writing;
};

void expect(const IoResult& result, IoStatus status, std::size_t count = 0, int error = 0) {
  EXPECT_EQ(result.status, status);
  EXPECT_EQ(result.count, count);
  EXPECT_EQ(result.error, error);
}

IoResult write_text(int fd, std::string_view text) { return write_some(fd, as_byte_view(text)); }

int sigpipes = 0;
void count_sigpipe(int) { ++sigpipes; }

// The disposition of a signal while this stands.
class Disposition {
 public:
  Disposition(int signal, void (*handler)(int)) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = handler;  // without SA_RESTART: an interrupted call says so
    EXPECT_EQ(sigaction(signal, &action, &before_), 0);
  }
  Disposition(const Disposition&) = delete;
  Disposition& operator=(const Disposition&) = delete;
  Disposition(Disposition&&) = delete;
  Disposition& operator=(Disposition&&) = delete;
  ~Disposition() { sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

bool sigpipe_is(int (*look)(sigset_t*)) {
  sigset_t set;
  sigemptyset(&set);
  look(&set);
  return sigismember(&set, SIGPIPE) == 1;
}
int pending(sigset_t* set) { return sigpending(set); }
int blocked(sigset_t* set) { return pthread_sigmask(SIG_SETMASK, nullptr, set); }

TEST(Posix, ReadingSaysWhatIsThere) {
  Pipe pipe;
  std::array<std::byte, 8> into{};
  expect(read_some(pipe.reading.get(), into), IoStatus::would_block);
  expect(write_text(pipe.writing.get(), "twelve bytes"), IoStatus::done, 12);
  expect(read_some(pipe.reading.get(), into), IoStatus::done, 8);
  EXPECT_EQ(as_text(into), "twelve b");
  pipe.writing.reset();
  expect(read_some(pipe.reading.get(), into), IoStatus::done, 4);
  EXPECT_EQ(as_text(ByteView(into).first(4)), "ytes");
  expect(read_some(pipe.reading.get(), into), IoStatus::end);
}

TEST(Posix, WritingSaysWhetherThereIsRoom) {
  const Pipe pipe;
  const std::vector<std::byte> page(4096);
  std::size_t written = 0;
  IoResult result = write_some(pipe.writing.get(), page);
  for (; result.status == IoStatus::done; result = write_some(pipe.writing.get(), page)) {
    EXPECT_EQ(result.count, page.size());
    written += result.count;
  }
  expect(result, IoStatus::would_block);
  EXPECT_EQ(written, static_cast<std::size_t>(fcntl(pipe.writing.get(), F_GETPIPE_SZ)));
}

TEST(Posix, OtherFailuresKeepTheirNumber) {
  const Pipe pipe;
  std::array<std::byte, 8> into{};
  expect(read_some(pipe.writing.get(), into), IoStatus::failed, 0, EBADF);
  expect(write_text(pipe.reading.get(), "text"), IoStatus::failed, 0, EBADF);
  const UniqueFd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  expect(read_some(folder.get(), into), IoStatus::failed, 0, EISDIR);
}

TEST(Posix, WithoutMemoryItIsTriedAgain) {
  EXPECT_EQ(io_failure(ENOMEM).status, IoStatus::would_block);
}

// The two ways of writing without a signal: with the kernel's flag where it has it, and by hand,
// which is what is left once a descriptor did not take the flag. An eventfd is such a one.
class PosixWithoutReader : public testing::TestWithParam<bool> {
 protected:
  PosixWithoutReader() {
    if (GetParam()) {
      const UniqueFd takes_no_flags(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      expect(write_text(takes_no_flags.get(), std::string(8, '\1')), IoStatus::done, 8);
    }
    pipe_.reading.reset();
  }

  Pipe pipe_;
};

TEST_P(PosixWithoutReader, WritingRaisesNoSignal) {
  sigpipes = 0;
  const Disposition counting(SIGPIPE, count_sigpipe);
  for (int i = 0; i < 3; ++i) {
    expect(write_text(pipe_.writing.get(), "text"), IoStatus::no_peer);
  }
  EXPECT_FALSE(sigpipe_is(pending));
  EXPECT_FALSE(sigpipe_is(blocked)) << "the thread's mask is as it was";
  EXPECT_EQ(sigpipes, 0);
  EXPECT_EQ(raise(SIGPIPE), 0);
  EXPECT_EQ(sigpipes, 1) << "somebody else's signal still comes";
}

TEST_P(PosixWithoutReader, TheDefaultDispositionEndsNothing) {
  const Disposition fatal(SIGPIPE, SIG_DFL);
  expect(write_text(pipe_.writing.get(), "text"), IoStatus::no_peer);
}

// A signal that the program holds back for itself is not taken from it.
TEST_P(PosixWithoutReader, ASignalThatWaitsGoesOnWaiting) {
  sigpipes = 0;
  const Disposition counting(SIGPIPE, count_sigpipe);
  sigset_t only_pipe;
  sigset_t before;
  sigemptyset(&only_pipe);
  sigaddset(&only_pipe, SIGPIPE);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &only_pipe, &before), 0);
  EXPECT_EQ(raise(SIGPIPE), 0);
  expect(write_text(pipe_.writing.get(), "text"), IoStatus::no_peer);
  EXPECT_TRUE(sigpipe_is(pending));
  EXPECT_TRUE(sigpipe_is(blocked));
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_EQ(sigpipes, 1);
}

INSTANTIATE_TEST_SUITE_P(Each, PosixWithoutReader, testing::Bool(), [](const auto& named) {
  return named.param ? "by_hand" : "as_the_kernel_can";
});

// A signal comes while the call sleeps; were it not repeated, it would fail with EINTR.
class PosixInterrupted : public testing::Test {
 protected:
  PosixInterrupted() { EXPECT_EQ(sem_init(&handled, 0, 0), 0); }
  ~PosixInterrupted() override { sem_destroy(&handled); }

  // Comes back when the handler has run: nothing but the signal can have woken the call.
  static void interrupt(test::Blocked& call) {
    ASSERT_TRUE(call.falls_asleep());
    ASSERT_TRUE(call.send_signal(SIGUSR1));
    while (sem_wait(&handled) < 0 && errno == EINTR) {
    }
  }

  Pipe pipe_{0};

 private:
  static void note(int) { sem_post(&handled); }

  static sem_t handled;
  const Disposition noting_{SIGUSR1, note};
};

sem_t PosixInterrupted::handled;

TEST_F(PosixInterrupted, AReadIsRepeated) {
  std::array<std::byte, 8> into{};
  IoResult result{IoStatus::failed};
  {
    test::Blocked reader([&] { result = read_some(pipe_.reading.get(), into); });
    interrupt(reader);
    expect(write_text(pipe_.writing.get(), "text"), IoStatus::done, 4);
  }
  expect(result, IoStatus::done, 4);
}

TEST_F(PosixInterrupted, AWriteIsRepeated) {
  const int capacity = fcntl(pipe_.writing.get(), F_GETPIPE_SZ);
  std::vector<std::byte> all(static_cast<std::size_t>(capacity));
  expect(write_some(pipe_.writing.get(), all), IoStatus::done, all.size());
  IoResult result{IoStatus::failed};
  {
    test::Blocked writer([&] { result = write_text(pipe_.writing.get(), "text"); });
    interrupt(writer);
    expect(read_some(pipe_.reading.get(), all), IoStatus::done, all.size());
  }
  expect(result, IoStatus::done, 4);
}

TEST(Posix, ErrorsSayWhatWasTriedAndWhy) {
  const Error error = system_error(ENOENT, "s:a", "open /a");
  EXPECT_STREQ(error.what(), "s:a: cannot open /a: No such file or directory [not_found]");
  EXPECT_EQ(error.endpoint(), "s:a");
  for (const auto& [number, code] :
       std::vector<std::pair<int, Errc>>{{ENOTDIR, Errc::not_found},
                                         {EACCES, Errc::permission_denied},
                                         {EPERM, Errc::permission_denied},
                                         {EROFS, Errc::permission_denied},
                                         {EADDRINUSE, Errc::in_use},
                                         {EBUSY, Errc::in_use},
                                         {ENOSYS, Errc::unsupported},
                                         {EOPNOTSUPP, Errc::unsupported},
                                         {EIO, Errc::system_failure},
                                         {EMFILE, Errc::system_failure}}) {
    EXPECT_EQ(system_error(number, "s:a", "do it").errc(), code) << number;
  }
}

}  // namespace
}  // namespace fifomq::core
