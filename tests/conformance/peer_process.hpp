// The far end of a link in a process of its own, which a case may kill. It is this very program,
// started again with arguments that run_as_peer() knows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "conformance/suite.hpp"

namespace fifomq::conformance {

// The exit status, when this process was started as a peer; nothing when it is to run the cases.
std::optional<int> run_as_peer(int argc, char** argv);

// The size of message `index` between peers: 8 bytes (its number) up to `most`.
std::size_t peer_size(std::uint64_t index, std::size_t most);

// Killed with SIGKILL and waited for at the latest when it is destroyed, or when the thread that
// started it is gone.
class PeerProcess {
 public:
  // Sends messages first, first + 1 ... first + count - 1, flushes, and ends.
  static PeerProcess sender(const std::string& endpoint, std::uint64_t first, std::uint64_t count,
                            std::size_t most);
  // Receives until it has got `count` messages, and ends. The number of each is written to `report`
  // as 8 bytes as soon as the message has been looked at; kDamaged is that of a message that is not
  // as it was sent.
  // With `commits` it opens with explicit_commit, and commits each message it has reported.
  static PeerProcess receiver(const std::string& endpoint, std::uint64_t count, std::size_t most,
                              const std::string& report, bool commits = false);
  static constexpr std::uint64_t kDamaged = ~std::uint64_t{0};

  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  PeerProcess(PeerProcess&& other) noexcept;
  PeerProcess& operator=(PeerProcess&&) = delete;
  ~PeerProcess() { kill(); }

  void kill();
  bool is_running();
  // Waits for its end. Zero when it ended well.
  int wait();

 private:
  explicit PeerProcess(std::vector<std::string> arguments);

  pid_t pid_ = 0;  // 0 once it has been waited for
  int status_ = -1;
};

// What receivers have reported: the messages' numbers, in the order of arrival.
class PeerReport {
 public:
  const std::string& path() const { return path_; }
  std::vector<std::uint64_t> numbers() const;
  std::size_t count() const;

 private:
  TemporaryFolder folder_;
  std::string path_ = folder_.path() + "/report";
};

}  // namespace fifomq::conformance
