// fault_memory FOLDER [STORY [N]]: memory that ends. Each story opens channels, sends, receives,
// commits and closes. It is told again and again: first the first request for memory finds none,
// then the second, and so on until the story needs no more of them. What throws is done once more,
// and then everything must have arrived once, whole and in order. Prints for each story how often
// its memory has ended, and how often somebody was told so.
//
// libzmq and libnats end the process without memory, so their transports have no story.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>

#include <fifomq/relay.hpp>

#include "peers/telling.hpp"

namespace {

namespace fs = std::filesystem;
using faults::check;
using faults::kLargeBytes;
using faults::Telling;
using fifomq::Deadline;
using fifomq::SendResult;
using std::chrono::milliseconds;

constexpr unsigned kMostSeconds = 60;  // for one telling, before it counts as hung
// Enough small messages in a row to be gathered, for more than one write.
constexpr int kMany = 300;

void tell_of_sizes(Telling& telling, fifomq::Sender& sender, fifomq::Receiver& receiver,
                   int many = kMany) {
  telling.again([&] { sender.poll_fd(); });
  telling.again([&] { receiver.poll_fd(); });
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{5000}}) {
    telling.send(sender, size);
    telling.receive_all(receiver);
  }
  telling.send(sender, 100, many);
  telling.flush(sender);
  telling.receive_all(receiver);
  telling.send(sender, kLargeBytes, 3);
  telling.receive_all(receiver);
}

void tell_of_pair(Telling& telling, const std::string& endpoint, bool commits, int many = kMany) {
  telling.begin();
  auto receiver = telling.open_receiver(endpoint, commits);
  auto sender = telling.open_sender(endpoint);
  tell_of_sizes(telling, *sender, *receiver, many);
  telling.settle(*receiver);
  telling.settle(*sender);
  sender->close();
  receiver->close();
}

// Where each message has memory of its own, few do.
void tell_of_memory(Telling& telling) { tell_of_pair(telling, "memory:jobs", false, 10); }

std::string fifo(const Telling& telling) { return "fifo:" + telling.fifo_path(); }

void tell_of_fifo(Telling& telling) { tell_of_pair(telling, fifo(telling), false); }
void tell_of_commits(Telling& telling) { tell_of_pair(telling, fifo(telling), true); }
void tell_of_lines(Telling& telling) {
  tell_of_pair(telling, fifo(telling) + "?framing=line", false);
}

// Messages that have no room and are given up, or finished later where they cannot be cancelled.
void tell_of_no_room(Telling& telling, const std::string& options) {
  const std::string endpoint = fifo(telling) + "?capacity=64KiB" + options;
  telling.begin();
  auto receiver = telling.open_receiver(endpoint, false);
  auto sender = telling.open_sender(endpoint);
  for (int i = 0; i < 3; ++i) {
    telling.send(*sender, kLargeBytes, Deadline::now());
    while (telling.again([&] { return sender->flush(Deadline::now()); }) != SendResult::sent) {
      telling.receive(*receiver, Deadline::now());
    }
    telling.receive_all(*receiver);
    telling.send(*sender, 10);
    telling.receive_all(*receiver);
  }
  telling.settle(*receiver);
  telling.settle(*sender);
}
void tell_of_full_pipe(Telling& telling) { tell_of_no_room(telling, ""); }
void tell_of_full_pipe_of_lines(Telling& telling) { tell_of_no_room(telling, "&framing=line"); }

// The sender gives its pages away where the system has huge ones.
void tell_of_pages(Telling& telling) {
  const std::string endpoint = fifo(telling);
  constexpr int kBefore = 45;
  constexpr int kPages = 25;
  auto receiver = telling.open_receiver(endpoint, false);
  auto sender = telling.open_sender(endpoint);
  const auto carry = [&](int count) {
    for (int i = 0; i < count; ++i) {
      telling.send(*sender, kLargeBytes);
      telling.receive_all(*receiver);
    }
  };
  carry(kBefore);
  telling.begin();
  carry(kPages);
  telling.settle(*receiver);
  telling.settle(*sender);
}

// Each comes while the other one waits.
void carry_over(Telling& telling, fifomq::Sender& sender, fifomq::Receiver& receiver) {
  const Deadline deadline = Deadline::after(faults::kLongest);
  while (telling.send(sender, 10, Deadline::now()) != SendResult::sent) {
    check(!deadline.expired(), "the other end is not found");
    telling.receive(receiver, Deadline::after(milliseconds(1)));
  }
  telling.receive_all(receiver);
}

void tell_of_replaced_fifo(Telling& telling, bool commits) {
  const std::string endpoint = fifo(telling);
  telling.begin();
  auto receiver = telling.open_receiver(endpoint, commits);
  auto old = telling.open_sender(endpoint);
  carry_over(telling, *old, *receiver);
  // It is watched from here on.
  telling.receive(*receiver, Deadline::after(milliseconds(1)));
  const std::uint64_t before = telling.sent();
  telling.replace_fifo();
  auto sender = telling.open_sender(endpoint);
  carry_over(telling, *sender, *receiver);
  telling.send(*old, kLargeBytes);
  telling.receive_all(*receiver);
  telling.settle(*old, before + 1);
  old.reset();
  telling.send(*sender, kLargeBytes);
  telling.receive_all(*receiver);
  telling.settle(*receiver);
  telling.settle(*sender, telling.sent() - before - 1);
}
void tell_of_successor(Telling& telling) { tell_of_replaced_fifo(telling, false); }
void tell_of_committed_successor(Telling& telling) { tell_of_replaced_fifo(telling, true); }

// The sender is there first, and the FIFO another one when the receiver comes.
void tell_of_late_receiver(Telling& telling) {
  const std::string endpoint = fifo(telling);
  telling.begin();
  auto sender = telling.open_sender(endpoint);
  telling.again([&] { sender->poll_fd(); });
  for (const bool replaced : {false, true}) {
    if (replaced) telling.replace_fifo();
    check(telling.send(*sender, 10, Deadline::after(milliseconds(1))) == SendResult::no_peer,
          "nobody is there");
  }
  auto receiver = telling.open_receiver(endpoint, false);
  carry_over(telling, *sender, *receiver);
  tell_of_sizes(telling, *sender, *receiver);
  telling.settle(*receiver);
  telling.settle(*sender);
}

std::string spool(const Telling& telling) {
  return "spool:" + telling.fifo_path() + ".spool?size=512KiB";  // segments of 64 KiB
}

void tell_of_spool(Telling& telling) { tell_of_pair(telling, spool(telling), false); }

// What was not committed comes again.
void tell_of_reopened_spool(Telling& telling) {
  const std::string kept = spool(telling);
  telling.begin();
  auto sender = telling.open_sender(kept);
  auto receiver = telling.open_receiver(kept, true);
  tell_of_sizes(telling, *sender, *receiver);
  const auto committed = telling.sent();
  telling.send(*sender, kLargeBytes, 2);
  for (const bool comes_again : {false, true}) {
    if (comes_again) {
      receiver.reset();
      telling.begin_again(committed);
      receiver = telling.open_receiver(kept, true);
    }
    check(telling.receive(*receiver, Deadline::after(faults::kLongest)), "nothing comes again");
  }
  telling.receive_all(*receiver);
  telling.settle(*receiver);
  telling.settle(*sender);
}

void tell_of_relay(Telling& telling) {
  const std::string endpoint = fifo(telling);
  const std::string kept = spool(telling);
  telling.begin();
  auto to = telling.open_sender(kept);
  auto from = telling.open_receiver(endpoint, true);
  auto sender = telling.open_sender(endpoint);
  auto receiver = telling.open_receiver(kept, true);
  const auto relay = telling.again(
      [&] { return std::make_unique<fifomq::Relay>(*from, *to, fifomq::RelayOptions{}); });
  const auto carry = [&] {
    const Deadline deadline = Deadline::after(faults::kLongest);
    telling.flush(*sender);
    while (relay->relayed() < telling.sent()) {
      check(!deadline.expired(), "it is not relayed");
      telling.again([&] { return relay->step(); });
    }
    telling.receive_all(*receiver);
  };
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, kLargeBytes}) {
    telling.send(*sender, size, 3);
    carry();
  }
  telling.send(*sender, 100, kMany);
  carry();
  // That it is on the disk no event tells.
  while (relay->uncommitted() > 0) {
    std::this_thread::sleep_for(milliseconds(1));
    telling.again([&] { relay->commit(); });
  }
  telling.settle(*receiver);
  telling.settle(*from);
  telling.settle(*to);
  telling.settle(*sender);
}

// A pipe from standard output to standard input.
class Loop {
 public:
  Loop() {
    std::array<int, 2> ends{};
    check(pipe2(ends.data(), O_CLOEXEC) == 0, "cannot make a pipe");
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) {
      dup2(ends[static_cast<std::size_t>(standard)], standard);
      close(ends[static_cast<std::size_t>(standard)]);
    }
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  Loop(Loop&&) = delete;
  Loop& operator=(Loop&&) = delete;
  ~Loop() {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) {
      dup2(before_[static_cast<std::size_t>(standard)], standard);
      close(before_[static_cast<std::size_t>(standard)]);
    }
  }

 private:
  const std::array<int, 2> before_{dup(STDIN_FILENO), dup(STDOUT_FILENO)};
};

void tell_of_standard_streams(Telling& telling) {
  const Loop loop;
  tell_of_pair(telling, "-?framing=frame", false);
}
void tell_of_standard_lines(Telling& telling) {
  const Loop loop;
  tell_of_pair(telling, "-", false);
}

struct Story {
  const char* name;
  void (*tell)(Telling& telling);
};

constexpr auto kStories = std::to_array<Story>({
    {"memory", tell_of_memory},
    {"fifo", tell_of_fifo},
    {"fifo, committed", tell_of_commits},
    {"fifo of lines", tell_of_lines},
    {"full fifo", tell_of_full_pipe},
    {"full fifo of lines", tell_of_full_pipe_of_lines},
    {"fifo of pages", tell_of_pages},
    {"replaced fifo", tell_of_successor},
    {"replaced fifo, committed", tell_of_committed_successor},
    {"fifo without a reader", tell_of_late_receiver},
    {"spool", tell_of_spool},
    {"spool opened again", tell_of_reopened_spool},
    {"relay", tell_of_relay},
    {"standard streams", tell_of_standard_streams},
    {"lines of standard streams", tell_of_standard_lines},
});

// A story is not told on when so many tellings have gone wrong.
constexpr int kMostWrong = 5;

// What is in use.
struct Resources {
  std::ptrdiff_t descriptors;
  std::ptrdiff_t threads;
  std::int64_t blocks;

  static Resources now() {
    const auto entries = [](const char* folder) {
      return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
    };
    return {entries("/proc/self/fd"), entries("/proc/self/task"), faults::live_blocks()};
  }
  friend bool operator==(const Resources&, const Resources&) = default;
};

// The kernel takes a thread that was joined out of the list a little later.
void check_all_is_back(const Resources& before) {
  const Deadline deadline = Deadline::after(faults::kLongest);
  Resources now = Resources::now();
  while (now != before && !deadline.expired()) {
    std::this_thread::yield();
    now = Resources::now();
  }
  check(now == before, "left open", [&] {
    return std::to_string(now.descriptors - before.descriptors) + " descriptors, " +
           std::to_string(now.threads - before.threads) + " threads, " +
           std::to_string(now.blocks - before.blocks) + " blocks";
  });
}

// Which telling is the process's last, if it is.
std::array<char, 128> telling_now;

void name_telling(const Story& story, std::uint64_t nth) {
  std::snprintf(telling_now.data(), telling_now.size(), "%s, allocation %llu: ended or hung\n",
                story.name, static_cast<unsigned long long>(nth));
  alarm(kMostSeconds);
}

void end(int signal) {
  [[maybe_unused]] const auto written =
      write(STDERR_FILENO, telling_now.data(), std::strlen(telling_now.data()));
  std::signal(signal, SIG_DFL);
  raise(signal);
}

struct Outcome {
  bool failed;  // the memory ended
  bool told;    // and somebody was told
};

Outcome tell(const Story& story, const fs::path& folder, std::uint64_t nth) {
  name_telling(story, nth);
  fs::create_directory(folder);
  Outcome outcome{};
  {
    Telling telling(folder, nth);
    story.tell(telling);
    outcome = {faults::has_failed(), telling.told()};
    faults::fail_allocation(0);
  }
  fs::remove_all(folder);
  return outcome;
}

int tell_all(const Story& story, const fs::path& folder) {
  tell(story, folder, 0);
  const Resources before = Resources::now();
  int told = 0;
  int wrong = 0;
  std::uint64_t nth = 1;
  for (bool failed = true; failed && wrong < kMostWrong; ++nth) {
    try {
      const Outcome outcome = tell(story, folder, nth);
      failed = outcome.failed;
      told += outcome.told ? 1 : 0;
      check_all_is_back(before);
    } catch (const std::exception& error) {
      faults::fail_allocation(0);
      fs::remove_all(folder);
      ++wrong;
      std::fprintf(stderr, "%s, allocation %llu: %s\n", story.name,
                   static_cast<unsigned long long>(nth), error.what());
    }
  }
  std::printf("%s: %llu %d\n", story.name, static_cast<unsigned long long>(nth - 2), told);
  std::fflush(stdout);
  return wrong;
}

int run(const std::vector<std::string>& arguments) {
  for (const int signal : {SIGABRT, SIGALRM, SIGSEGV}) std::signal(signal, end);
  fs::create_directories(arguments[0]);
  const fs::path folder = fs::path(arguments[0]) / "telling";
  int wrong = 0;
  for (const Story& story : kStories) {
    if (arguments.size() > 1 && story.name != arguments[1]) continue;
    if (arguments.size() > 2) {
      tell(story, folder, std::stoull(arguments[2]));
    } else {
      wrong += tell_all(story, folder);
    }
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv, "FOLDER [STORY [N]]", 1, run);
}
