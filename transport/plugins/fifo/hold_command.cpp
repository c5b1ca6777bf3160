#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>

#include <fifomq/error.hpp>

#include "core/posix.hpp"
#include "fifo_commands.hpp"
#include "fifo_path.hpp"

namespace fifomq::fifo {
namespace {

constexpr int kSignalled = 128;

}  // namespace

// Open for both ways, which needs no other end: writers find somebody there, and when the pipe is
// full, they wait. A reader takes the lock as if nobody held it.
int run_hold(const CommandCall& call) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const FifoOptions options = command_options(call);
  const core::UniqueFd handle = locate(options);
  const core::UniqueFd held = open_located(handle, O_RDWR);
  if (!held) throw core::system_error(errno, options.endpoint, "open " + options.path);
  set_capacity(held, options, call.log);
  int waiting = 0;
  ioctl(held.get(), FIONREAD, &waiting);
  std::cout << "holding " << options.path << ", " << waiting << " bytes wait" << std::endl;
  int signal = 0;
  sigwait(&signals, &signal);
  return kSignalled + signal;
}

}  // namespace fifomq::fifo
