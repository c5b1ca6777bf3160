#include "conformance/peer_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "conformance/committing.hpp"
#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

constexpr const char* kSend = "--peer=send";
constexpr const char* kReceive = "--peer=receive";
constexpr const char* kCommits = "commits";
// A peer whose case has forgotten it.
constexpr unsigned kLongestLifeSeconds = 120;

std::uint64_t number_in(const MessageView& message) {
  std::uint64_t number = 0;
  std::memcpy(&number, message.payload.data(), std::min(sizeof number, message.payload.size()));
  return number;
}

int run_sender(const std::string& endpoint, std::uint64_t first, std::uint64_t count,
               std::size_t most) {
  const Registry registry = registry_under_test();
  const auto sender = registry.open_sender(endpoint);
  for (std::uint64_t i = first; i < first + count; ++i) {
    const Message message = sample(i, peer_size(i, most));
    if (sender->send(message.view(), Deadline::never()) != SendResult::sent) return 2;
  }
  return sender->flush(soon()) == SendResult::sent ? 0 : 3;
}

int run_receiver(const std::string& endpoint, std::uint64_t count, std::size_t most,
                 const std::string& report, bool commits) {
  const int file = open(report.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "open " + report);
  const Registry registry = registry_under_test();
  const auto receiver = registry.open_receiver(endpoint, {.explicit_commit = commits});
  const bool envelope = receiver->capabilities().carries_origin;
  for (std::uint64_t i = 0; i < count; ++i) {
    MessageView arrived;
    if (receiver->receive(arrived, Deadline::never()) != ReceiveResult::received) return 2;
    std::uint64_t number = number_in(arrived);
    if (arrived.payload.size() != peer_size(number, most) ||
        !same(arrived, sample(number, peer_size(number, most)), envelope)) {
      number = PeerProcess::kDamaged;
    }
    if (write(file, &number, sizeof number) != sizeof number) return 3;
    if (commits) receiver->commit(i + 1);
  }
  return keeps_ledger(*receiver) ? 0 : 4;
}

int run(const std::vector<std::string>& words) {
  // Neither outlives its case; a SIGPIPE that somebody lets through is to end the program.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(kLongestLifeSeconds);
  const auto number = [&](std::size_t at) { return std::stoull(words.at(at)); };
  if (words.at(1) == kSend) return run_sender(words.at(2), number(3), number(4), number(5));
  return run_receiver(words.at(2), number(3), number(4), words.at(5), words.at(6) == kCommits);
}

}  // namespace

std::optional<int> run_as_peer(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (words.size() < 2 || (words[1] != kSend && words[1] != kReceive)) return std::nullopt;
  try {
    return run(words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peer %s: %s\n", words[1].c_str(), error.what());
    return 1;
  }
}

// Three of four fit into one piece; the others take several.
std::size_t peer_size(std::uint64_t index, std::size_t most) {
  constexpr std::size_t kSmall = 3000;
  const std::size_t limit = index % 4 == 3 ? most : std::min(most, kSmall);
  return std::max(sizeof index, varied_size(index, limit));
}

PeerProcess PeerProcess::sender(const std::string& endpoint, std::uint64_t first,
                                std::uint64_t count, std::size_t most) {
  return PeerProcess(
      {kSend, endpoint, std::to_string(first), std::to_string(count), std::to_string(most)});
}

PeerProcess PeerProcess::receiver(const std::string& endpoint, std::uint64_t count,
                                  std::size_t most, const std::string& report, bool commits) {
  return PeerProcess({kReceive, endpoint, std::to_string(count), std::to_string(most), report,
                      commits ? kCommits : ""});
}

PeerProcess::PeerProcess(std::vector<std::string> arguments) {
  std::string program = "/proc/self/exe";
  std::vector<char*> words = {program.data()};
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const int error = posix_spawn(&pid_, program.c_str(), nullptr, nullptr, words.data(), environ);
  if (error != 0) throw std::system_error(error, std::generic_category(), "start a peer");
}

PeerProcess::PeerProcess(PeerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), status_(other.status_) {}

void PeerProcess::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

bool PeerProcess::is_running() {
  if (pid_ == 0 || waitpid(pid_, &status_, WNOHANG) == 0) return pid_ != 0;
  pid_ = 0;
  return false;
}

int PeerProcess::wait() {
  if (pid_ == 0) return status_;
  while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status_;
}

std::vector<std::uint64_t> PeerReport::numbers() const {
  std::vector<std::uint64_t> all(count());
  std::ifstream file(path_, std::ios::binary);
  file.read(reinterpret_cast<char*>(all.data()),
            static_cast<std::streamsize>(all.size() * sizeof all[0]));
  return all;
}

std::size_t PeerReport::count() const {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path_, missing);
  return missing ? 0 : size / sizeof(std::uint64_t);
}

}  // namespace fifomq::conformance
