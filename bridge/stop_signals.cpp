#include "stop_signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/posix.hpp"
#include "core/readiness.hpp"

namespace fifomq {
namespace {

void raise_event(const core::UniqueFd& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
}

}  // namespace

StopSignals::StopSignals(Hangup hangup) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  if (hangup == Hangup::take) sigaddset(&signals_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  received_ = core::UniqueFd(signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  stop_ = core::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  reload_ = core::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  quit_ = core::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!received_ || !stop_ || !reload_ || !quit_)
    throw core::system_error(errno, "", "listen for signals");
}

StopSignals::~StopSignals() { ignore(); }

void StopSignals::listen(std::chrono::nanoseconds drain_timeout, Calls calls) {
  drain_timeout_ = drain_timeout;
  try {
    thread_ = std::thread([this, calls = std::move(calls)] { run(calls); });
  } catch (const std::system_error& error) {
    throw core::system_error(error.code().value(), "", "start a thread");
  }
  pthread_setname_np(thread_.native_handle(), "fifomq-signals");
}

void StopSignals::ignore() {
  if (!thread_.joinable()) return;
  raise_event(quit_);
  thread_.join();
}

bool StopSignals::take_reload() {
  if (!reload_requested_.load(std::memory_order_relaxed)) return false;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto cleared = ::read(reload_.get(), &count, sizeof count);
  return reload_requested_.exchange(false);
}

void StopSignals::run(const Calls& calls) {
  const int first = next_signal(std::chrono::nanoseconds::max());
  if (first == 0) return;
  requested_ = first;
  raise_event(stop_);
  const Deadline deadline = Deadline::after(drain_timeout_.load());
  int second = next_signal(deadline.remaining());
  if (second == 0 && deadline.expired()) {
    calls.give_up();
    second = next_signal(std::chrono::nanoseconds::max());
  }
  if (second == 0) return;
  if (calls.last_act) calls.last_act();
  std::signal(second, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  std::raise(second);
}

// One that asks to stop; 0 when there was none in that time, or nobody listens any more.
int StopSignals::next_signal(std::chrono::nanoseconds timeout) {
  const Deadline deadline = Deadline::after(timeout);
  while (true) {
    std::array<pollfd, 2> waited{pollfd{.fd = received_.get(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = quit_.get(), .events = POLLIN, .revents = 0}};
    if (core::wait_for(waited, deadline) == 0 || waited[1].revents != 0) return 0;
    signalfd_siginfo info{};
    if (::read(received_.get(), &info, sizeof info) != sizeof info) continue;
    if (info.ssi_signo != SIGHUP) return static_cast<int>(info.ssi_signo);
    reload_requested_ = true;
    raise_event(reload_);
  }
}

}  // namespace fifomq
