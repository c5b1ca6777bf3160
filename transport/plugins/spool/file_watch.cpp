#include "file_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
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

core::UniqueFd tick() {
  core::UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const timespec time{.tv_sec = 0, .tv_nsec = kBetweenLooksNanos};
  const itimerspec interval{.it_interval = time, .it_value = time};
  if (timer) timerfd_settime(timer.get(), 0, &interval, nullptr);
  return timer;
}

}  // namespace

void FileWatch::begin() {
  core::UniqueFd events = watch(file_);
  if (!events) events = tick();
  if (!events) throw core::system_error(errno, endpoint_, "make a timer");
  readiness_.watch(events.get(), EPOLLIN);
  events_ = std::move(events);
}

void FileWatch::drain() const noexcept {
  std::array<std::byte, 4096> ignored;
  while (events_ && ::read(events_.get(), ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace fifomq::spool
