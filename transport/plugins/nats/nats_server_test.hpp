// A nats-server of a test's own, on the loopback interface, with all it keeps in a folder.
#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>

#include "conformance/suite.hpp"

namespace fifomq::test {

class NatsServer {
 public:
  // Up and ready when it returns. `more` goes into its configuration.
  explicit NatsServer(const std::string& more = "") : port_(conformance::free_tcp_port()) {
    configure(more);
    start();
  }
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;
  NatsServer(NatsServer&&) = delete;
  NatsServer& operator=(NatsServer&&) = delete;
  ~NatsServer() { kill(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  // For the next start().
  void configure(const std::string& more) {
    std::ofstream(config_) << "listen: 127.0.0.1:" << port_ << "\n"
                           << "max_payload: 80MB\nmax_pending: 256MB\n"
                           << "jetstream { store_dir: \"" << folder_.path()
                           << "\", max_mem: 1GB, max_file: 1GB }\n"
                           << more;
  }

  void start() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      // It does not outlive the test, whatever happens to that one.
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(ends[1], STDERR_FILENO);
      execlp("nats-server", "nats-server", "-c", config_.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    await_ready(ends[0]);
    log_ = ends[0];
  }

  // It reads nothing and answers nothing until go_on().
  void stop() const { ::kill(pid_, SIGSTOP); }
  void go_on() const { ::kill(pid_, SIGCONT); }

  void kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      close(log_);
    }
    pid_ = 0;
  }

 private:
  static void await_ready(int log) {
    std::string text;
    std::array<char, 4096> some{};
    while (text.find("Server is ready") == std::string::npos) {
      const ssize_t count = read(log, some.data(), some.size());
      if (count <= 0) throw std::runtime_error("nats-server does not start: " + text);
      text.append(some.data(), static_cast<std::size_t>(count));
    }
    // What it says later goes nowhere, and does not hold it up.
    fcntl(log, F_SETFL, O_NONBLOCK);
  }

  const conformance::TemporaryFolder folder_;
  const std::string config_ = folder_.path() + "/config";
  const int port_;
  pid_t pid_ = 0;
  int log_ = -1;
};

}  // namespace fifomq::test
