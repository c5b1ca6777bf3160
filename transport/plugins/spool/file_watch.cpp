#include "file_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include "core/posix.hpp"

namespace fifomq::spool {
namespace {

constexpr long kBetweenLooksNanos = 20'000'000;

core::UniqueFd watch(const StateFile& file) {
  core::UniqueFd events(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // Who writes it may be killed before it has told all.
  constexpr std::uint32_t kChanges = IN_MODIFY | IN_CLOSE_WRITE;
  if (events && inotify_add_watch(events.get(), file.proc_path().c_str(), kChanges) >= 0) {
    return events;
  }
  return {};
}

}  // namespace

FileWatch::FileWatch(const StateFile& file, core::Readiness& readiness, const std::string& endpoint)
    : file_(file),
      readiness_(readiness),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_) throw core::system_error(errno, endpoint, "make a timer");
  readiness_.watch(timer_.get(), EPOLLIN);
}

// Where it cannot be watched now, it may be the next time.
void FileWatch::begin() noexcept {
  armed_ = true;
  try {
    core::UniqueFd events = watch(file_);
    if (events) readiness_.watch(events.get(), EPOLLIN);
    events_ = std::move(events);
  } catch (const std::exception&) {
    events_.reset();
  }
  set_timer();
}

void FileWatch::await_more(bool awaits) noexcept {
  awaits_more_ = awaits;
  set_timer();
}

void FileWatch::set_timer() noexcept {
  const bool ticks = awaits_more_ || (armed_ && !events_);
  if (std::exchange(ticks_, ticks) == ticks) return;
  const timespec time{.tv_sec = 0, .tv_nsec = ticks ? kBetweenLooksNanos : 0};
  const itimerspec interval{.it_interval = time, .it_value = time};
  timerfd_settime(timer_.get(), 0, &interval, nullptr);
}

void FileWatch::drain() const noexcept {
  std::array<std::byte, 4096> ignored;
  for (const core::UniqueFd* fd : {&events_, &timer_}) {
    while (*fd && ::read(fd->get(), ignored.data(), ignored.size()) > 0) {
    }
  }
}

}  // namespace fifomq::spool
