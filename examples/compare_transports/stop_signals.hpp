// SIGINT and SIGTERM as something to wait for, so that the program ends by unwinding and leaves
// nothing behind.
#pragma once

#include <sys/signalfd.h>

#include <csignal>

#include "descriptor.hpp"
#include "failure.hpp"

namespace compare {

class StopSignals {
 public:
  StopSignals() {
    sigset_t signals{};
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    pending_ = Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!pending_) throw system_failure("listen for signals");
  }

  // Readable when a signal has come.
  int poll_fd() const { return pending_.get(); }

  void throw_if_any() const {
    signalfd_siginfo info{};
    if (::read(pending_.get(), &info, sizeof info) == sizeof info) {
      throw Interrupted(static_cast<int>(info.ssi_signo));
    }
  }

  // For a child, which is to die of a signal as any process does.
  static void restore_in_child() {
    sigset_t none{};
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
  }

 private:
  Descriptor pending_;
};

}  // namespace compare
