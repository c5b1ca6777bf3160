// Foreign writers that die or leave in the middle of a message: what they began costs nothing else,
// and is never put together with what the next one writes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fifomq/builtin.hpp>

#include "conformance/suite.hpp"
#include "core/unique_fd.hpp"
#include "support/random.hpp"
#include "support/sanitized.hpp"
#include "support/soon.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using test::soon;

using Payloads = std::vector<std::string>;

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(fd, bytes.data(), bytes.size());
    ASSERT_GT(count, 0);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

class DeadWriters : public testing::Test {
 protected:
  void open(const std::string& options) {
    receiver_ = builtin_transports().open_receiver("fifo:" + path_ + options);
  }
  core::UniqueFd writer() const {
    return core::UniqueFd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  }
  // What is there now, without waiting for more.
  Payloads take_all() {
    Payloads taken;
    MessageView message;
    while (receiver_->receive(message, Deadline::now()) == ReceiveResult::received) {
      taken.emplace_back(as_text(message.payload));
    }
    EXPECT_TRUE(receiver_->counters().balanced());
    return taken;
  }
  bool becomes_readable() {
    pollfd item{.fd = receiver_->poll_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&item, 1, 20'000) == 1;
  }

  conformance::TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/fifo";
  std::unique_ptr<Receiver> receiver_;
};

struct Tail {
  const char* framing;
  std::string first;
  std::string tail;
  std::string next;
  Payloads delivered_of_tail;

  friend void PrintTo(const Tail& shown, std::ostream* out) {  // NOLINT: GoogleTest's name
    *out << shown.framing;
  }
};

std::vector<Tail> tails() {
  using std::string;
  return {
      {"frame",
       test::checked_frame("first"),
       test::checked_frame(string(900, 't')).substr(0, 500),
       test::checked_frame("next"),
       {}},
      {"varint",
       "\x05"
       "first",
       "\x7F"
       "tail",
       "\x04next",
       {}},
      {"u16be",
       string("\0\x05"
              "first",
              7),
       string("\x01\0tail", 6),
       string("\0\x04next", 6),
       {}},
      {"u32be",
       string("\0\0\0\x05"
              "first",
              9),
       string("\0\0\x01\0tail", 8),
       string("\0\0\0\x04next", 8),
       {}},
      {"u32le",
       string("\x05\0\0\0"
              "first",
              9),
       string("\0\x01\0\0tail", 8),
       string("\x04\0\0\0next", 8),
       {}},
      // A line without its newline may be a whole one: it is handed out, but alone.
      {"line", "first\n", "tail", "next\n", {"tail"}},
  };
}

class ATail : public DeadWriters, public testing::WithParamInterface<Tail> {};

// The timeout is out of reach: it is the leaving that counts.
TEST_P(ATail, IsNotGluedToTheNextWritersMessage) {
  const Tail& tail = GetParam();
  open(std::string("?frame_timeout=1h&framing=") + tail.framing);
  for (int round = 1; round <= 3; ++round) {
    core::UniqueFd dying = writer();
    write_all(dying.get(), tail.first + tail.tail);
    EXPECT_EQ(take_all(), (Payloads{"first"}));
    EXPECT_EQ(receiver_->counters().bytes_pending, tail.tail.size());
    dying.reset();
    EXPECT_TRUE(becomes_readable()) << "when the last writer leaves";
    EXPECT_EQ(take_all(), tail.delivered_of_tail);
    EXPECT_EQ(receiver_->counters().bytes_pending, 0U);

    const core::UniqueFd next = writer();
    write_all(next.get(), tail.next);
    EXPECT_EQ(take_all(), (Payloads{"next"}));
    const auto skipped = tail.delivered_of_tail.empty() ? tail.tail.size() : 0;
    EXPECT_EQ(receiver_->counters().bytes_skipped, static_cast<std::uint64_t>(round) * skipped);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, ATail, testing::ValuesIn(tails()),
                         [](const auto& named) { return std::string(named.param.framing); });

TEST_F(DeadWriters, AnotherWriterKeepsTheTailWaiting) {
  open("?frame_timeout=1h&framing=line");
  const core::UniqueFd staying = writer();
  core::UniqueFd leaving = writer();
  write_all(staying.get(), "half ");
  leaving.reset();
  EXPECT_EQ(take_all(), Payloads{});
  write_all(staying.get(), "and half\n");
  EXPECT_EQ(take_all(), (Payloads{"half and half"}));
}

TEST_F(DeadWriters, HalfAMessageOfAWriterThatLeftIsGivenUp) {
  open("?frame_timeout=1h");
  core::UniqueFd dying = writer();
  write_all(dying.get(), test::fragment_frame({.total = 9'000}, std::string(3'000, 'f')));
  EXPECT_EQ(take_all(), Payloads{});
  EXPECT_EQ(receiver_->counters().messages_pending, 1U);
  dying.reset();
  EXPECT_TRUE(becomes_readable());
  EXPECT_EQ(take_all(), Payloads{});
  EXPECT_EQ(receiver_->counters().given_up, 1U);
}

// Killed inside a write(2): a child writes the front of a frame and kills itself.
void die_inside(const std::string& path, const std::string& frame, std::size_t kept) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    for (std::size_t done = 0; done < kept;) {
      const auto count = ::write(fd, frame.data() + done, kept - done);
      if (count <= 0) _exit(1);
      done += static_cast<std::size_t>(count);
    }
    ::kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed";
}

class TornFrames : public DeadWriters, public testing::WithParamInterface<bool> {};

// A thousand writers (in a sanitizer's build, where forking takes long: a hundred) are killed
// inside a frame of 512 bytes to 1 MiB, and after each another one writes a good frame.
TEST_P(TornFrames, CostNothingElse) {
  constexpr int kWriters = test::kSanitized ? 100 : 1'000;
  const bool checked = GetParam();
  const auto make = checked ? test::checked_frame : test::unchecked_frame;
  open("");
  test::Random random;
  std::jthread writers([&](const std::stop_token& given_up) {
    for (int i = 0; i < kWriters && !given_up.stop_requested(); ++i) {
      // All magnitudes alike.
      const auto size = random.between(512, std::size_t{512} << random.between(1, 11));
      const std::string torn = make(std::string(size, 't'));
      die_inside(path_, torn, random.between(1, torn.size() - 1));
      write_all(writer().get(), make("good " + std::to_string(i)));
    }
    write_all(writer().get(), test::checked_frame("end"));
  });

  int good = 0;
  MessageView message;
  while (receiver_->receive(message, soon()) == ReceiveResult::received) {
    const std::string_view payload = as_text(message.payload);
    if (payload == "end") break;
    if (payload.starts_with("good ")) {
      ++good;
    } else if (checked) {
      ADD_FAILURE() << "a torn frame of " << payload.size() << " bytes came through";
    }
  }
  EXPECT_EQ(as_text(message.payload), "end");
  EXPECT_GE(good, checked ? kWriters : kWriters * 99 / 100);
  EXPECT_TRUE(receiver_->counters().balanced());
  EXPECT_GE(receiver_->counters().frames_damaged, static_cast<std::uint64_t>(kWriters) * 9 / 10);
  std::cout << good << " of " << kWriters << " good frames came\n";
}

INSTANTIATE_TEST_SUITE_P(Each, TornFrames, testing::Bool(),
                         [](const auto& named) { return named.param ? "checked" : "unchecked"; });

}  // namespace
}  // namespace fifomq
