#include "process_group.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <span>
#include <utility>

#include "failure.hpp"

namespace compare {
namespace {

// The first byte of a packet between a process and its parent.
constexpr char kHere = 'h';
constexpr char kGoOn = 'g';
constexpr char kFigures = 'f';
constexpr char kError = 'e';
constexpr std::size_t kLargestPacketBytes = 4096;
constexpr int kCannotExecute = 127;

void send_packet(int socket, char kind, std::string_view rest = {}) {
  std::string packet(1, kind);
  packet += rest.substr(0, kLargestPacketBytes - 1);
  // When the parent is gone, so is this process.
  (void)::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL);
}

void send_figures(int socket, std::span<const double> figures) {
  const auto bytes = std::as_bytes(figures);
  send_packet(socket, kFigures, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Figures figures_of(std::string_view bytes) {
  Figures figures(bytes.size() / sizeof(double));
  if (!figures.empty()) std::memcpy(figures.data(), bytes.data(), figures.size() * sizeof(double));
  return figures;
}

// No process outlives the program, not even one that is killed.
void die_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kFailedRun);
}

[[noreturn]] void run_body(int socket, const ProcessGroup::Body& body) {
  try {
    send_figures(socket, body(Meeting(socket)));
  } catch (const std::exception& error) {
    send_packet(socket, kError, error.what());
  }
  ::_exit(0);  // the parent's objects and buffers are the parent's
}

[[noreturn]] void run_program(const std::vector<std::string>& command, const char* log) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int output = ::open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(kCannotExecute);
}

std::string last_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) == kCannotExecute) return "could not be started";
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void Meeting::wait() const {
  send_packet(socket_, kHere);
  char answer = 0;
  if (uninterrupted([&] { return ::recv(socket_, &answer, 1, 0); }) != 1 || answer != kGoOn) {
    throw Failure("the program is gone");
  }
}

ProcessGroup::ProcessGroup(const StopSignals& signals, std::string what,
                           std::chrono::nanoseconds limit)
    : signals_(signals), what_(std::move(what)), limit_(Clock::now() + limit) {}

ProcessGroup::~ProcessGroup() {
  for (const Member& member : members_) {
    if (member.pid > 0) ::kill(member.pid, SIGKILL);
  }
  for (const Member& member : members_) {
    if (member.pid > 0) uninterrupted([&] { return ::waitpid(member.pid, nullptr, 0); });
  }
}

void ProcessGroup::start(const std::string& role, const Body& body) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw system_failure("make a socket");
  }
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_failure("start a process");
  if (pid == 0) {
    die_with_parent(parent);
    StopSignals::restore_in_child();
    run_body(theirs.get(), body);
  }
  members_.push_back({.role = role, .pid = pid, .socket = std::move(ours)});
}

pid_t ProcessGroup::start_program(const std::string& role, const std::vector<std::string>& command,
                                  const std::filesystem::path& log) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_failure("start a process");
  if (pid == 0) {
    die_with_parent(parent);
    StopSignals::restore_in_child();
    run_program(command, log.c_str());
  }
  members_.push_back({.role = role, .pid = pid, .log = log});
  members_.back().exited = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!members_.back().exited) throw system_failure("watch a process");
  return pid;
}

void ProcessGroup::wait_for_all() {
  wait_until([](const Member& member) { return !member.socket || member.waiting; });
}

void ProcessGroup::release() {
  for (Member& member : members_) {
    if (!member.socket) continue;
    member.waiting = false;
    send_packet(member.socket.get(), kGoOn);
  }
}

void ProcessGroup::meet() {
  wait_for_all();
  release();
}

std::vector<Figures> ProcessGroup::figures() {
  wait_until([](const Member& member) { return !member.socket || member.done; });
  std::vector<Figures> all;
  for (const Member& member : members_) {
    if (member.socket) all.push_back(member.figures);
  }
  return all;
}

void ProcessGroup::wait_for_program() {
  for (Member& member : members_) {
    if (!member.exited) continue;
    std::array<pollfd, 2> waited{pollfd{.fd = signals_.poll_fd(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = member.exited.get(), .events = POLLIN, .revents = 0}};
    while (waited[1].revents == 0) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(limit_ - Clock::now());
      if (left.count() <= 0) throw Failure(what_ + ": " + member.role + " does not end");
      ::poll(waited.data(), waited.size(), static_cast<int>(left.count()) + 1);
      if (waited[0].revents != 0) signals_.throw_if_any();
    }
    int status = 0;
    uninterrupted([&] { return ::waitpid(member.pid, &status, 0); });
    member.pid = -1;
    if (status == 0) continue;
    throw Failure(what_ + ": " + member.role + " " + how_it_ended(status) + ": " +
                  last_line(member.log));
  }
}

void ProcessGroup::wait_until(const std::function<bool(const Member&)>& condition) {
  while (!std::all_of(members_.begin(), members_.end(), condition)) poll_once();
}

void ProcessGroup::poll_once() {
  std::vector<pollfd> waited{{.fd = signals_.poll_fd(), .events = POLLIN, .revents = 0}};
  for (const Member& member : members_) {
    // A negative number is passed over by poll: nothing more is expected of that one.
    const int number =
        member.socket ? (member.done ? -1 : member.socket.get()) : member.exited.get();
    waited.push_back({.fd = number, .events = POLLIN, .revents = 0});
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit_ - Clock::now());
  if (left.count() <= 0) throw Failure(what_ + ": not done within its time limit");
  ::poll(waited.data(), waited.size(), static_cast<int>(left.count()) + 1);
  if (waited.front().revents != 0) signals_.throw_if_any();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (waited[i + 1].revents != 0) take_packet(members_[i]);
  }
}

void ProcessGroup::take_packet(Member& member) {
  if (!member.socket) fail_for_death(member);
  std::array<char, kLargestPacketBytes> buffer{};
  const auto size =
      uninterrupted([&] { return ::recv(member.socket.get(), buffer.data(), buffer.size(), 0); });
  if (size <= 0) fail_for_death(member);
  const std::string_view rest(buffer.data() + 1, static_cast<std::size_t>(size) - 1);
  if (buffer.front() == kError) {
    throw Failure(what_ + ": " + member.role + ": " + std::string(rest));
  }
  if (buffer.front() == kHere) {
    member.waiting = true;
  } else {
    member.figures = figures_of(rest);
    member.done = true;
  }
}

void ProcessGroup::fail_for_death(Member& member) const {
  int status = 0;
  uninterrupted([&] { return ::waitpid(member.pid, &status, 0); });
  member.pid = -1;
  const std::string said = member.log.empty() ? "" : last_line(member.log);
  throw Failure(what_ + ": " + member.role + " " + how_it_ended(status) +
                (said.empty() ? "" : ": " + said));
}

}  // namespace compare
