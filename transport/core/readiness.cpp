#include "core/readiness.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "core/posix.hpp"

namespace fifomq::core {
namespace {

void raise(int event_fd) noexcept {
  const std::uint64_t one = 1;
  // Only a full counter could refuse, and a full counter is readable, which is all that is wanted.
  [[maybe_unused]] const auto written = ::write(event_fd, &one, sizeof one);
}

timespec to_timespec(std::chrono::nanoseconds duration) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = static_cast<time_t>(seconds.count()),
          .tv_nsec = static_cast<long>((duration - seconds).count())};
}

}  // namespace

int wait_for(std::span<pollfd> descriptors, Deadline deadline) noexcept {
  while (true) {
    const timespec left = deadline.is_never() ? timespec{} : to_timespec(deadline.remaining());
    const int ready = ppoll(descriptors.data(), descriptors.size(),
                            deadline.is_never() ? nullptr : &left, nullptr);
    if (ready >= 0) return ready;
    // EINTR: the time that is left is computed anew, so no storm of signals delays the deadline.
    // Nothing else can happen to valid descriptors but ENOMEM, which passes.
  }
}

Readiness::Readiness(std::string endpoint)
    : endpoint_(std::move(endpoint)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      signal_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      closing_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !signal_ || !closing_) throw system_error(errno, endpoint_, "set up waiting");
  watch_own();
}

void Readiness::watch_own() {
  watch(signal_.get(), EPOLLIN);
  watch(closing_.get(), EPOLLIN);
}

void Readiness::renew() {
  const Readiness fresh(endpoint_);
  for (const auto& [from, to] :
       {std::pair(&fresh.epoll_, &epoll_), std::pair(&fresh.signal_, &signal_),
        std::pair(&fresh.closing_, &closing_)}) {
    if (dup3(from->get(), to->get(), O_CLOEXEC) < 0) {
      throw system_error(errno, endpoint_, "set up waiting");
    }
  }
  // The new set watches what `fresh` had, which these are, but under other numbers.
  forget(fresh.signal_.get());
  forget(fresh.closing_.get());
  watch_own();
  if (signalled_.load()) raise(signal_.get());
  generation_.store(fork_generation());
  // One of the two sees the other: this, or a close() that still saw the copy.
  if (closed_.load()) raise(closing_.get());
}

void Readiness::watch(int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return;
  // A regular file cannot be waited for: it is always ready.
  if (errno == EPERM) return signal();
  if (errno != EEXIST || epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    throw system_error(errno, endpoint_, "watch a descriptor");
  }
}

void Readiness::forget(int fd) noexcept { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Readiness::signal() noexcept {
  if (!signalled_.exchange(true)) raise(signal_.get());
}

void Readiness::clear() noexcept {
  if (!signalled_.exchange(false)) return;
  std::uint64_t count = 0;
  // Another thread has said so and not raised it yet. Forgotten now, it would stay raised for ever.
  if (::read(signal_.get(), &count, sizeof count) < 0) {
    signalled_ = true;
    return;
  }
  // A signal from another thread between the two lines above was read away with the old one.
  if (signalled_.load()) raise(signal_.get());
}

// More events than one channel end watches descriptors. What is watched otherwise stays ready.
void Readiness::take_edges() const noexcept {
  std::array<epoll_event, 64> events;
  epoll_wait(epoll_.get(), events.data(), events.size(), 0);
}

bool Readiness::wait(Deadline deadline) const noexcept {
  // Wakes sooner than poll() on the set itself.
  epoll_event event{};
  while (true) {
    const timespec left = deadline.is_never() ? timespec{} : to_timespec(deadline.remaining());
    const int ready =
        epoll_pwait2(epoll_.get(), &event, 1, deadline.is_never() ? nullptr : &left, nullptr);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) break;
  }
  // Before Linux 5.11, or where a filter does not know the call.
  pollfd waited{.fd = epoll_.get(), .events = POLLIN, .revents = 0};
  return wait_for({&waited, 1}, deadline) > 0;
}

void Readiness::close() noexcept {
  if (closed_.exchange(true)) return;
  if (!is_copy()) raise(closing_.get());
}

}  // namespace fifomq::core
