#include "path_watch.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include <fifomq/error.hpp>

#include "core/posix.hpp"
#include "core/say.hpp"
#include "fifo_path.hpp"

namespace fifomq::fifo {
namespace {

using std::chrono::milliseconds;

// Where no event tells: about once a second, and never later than one.
constexpr milliseconds kBetweenLooks{950};
// What happened before it was watched no event tells.
constexpr milliseconds kAtOnce{1};
// Who removes a FIFO to make it anew is given the time to do so.
constexpr milliseconds kGrace{200};
// While it is missing, and perhaps a folder on the way with it.
constexpr milliseconds kBetweenTries{400};

constexpr std::uint32_t kSelf = IN_MOVE_SELF | IN_DELETE_SELF;

}  // namespace

PathWatch::PathWatch(const FifoOptions& options, LogSink log, std::uint32_t more_events, bool makes)
    : options_(options),
      log_(std::move(log)),
      more_events_(more_events),
      makes_(makes && options.create.has_value()),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_) throw core::system_error(errno, options_.endpoint, "make a timer");
}

void PathWatch::attach(core::Readiness& readiness) {
  readiness_ = &readiness;
  if (events_) readiness.watch(events_.get(), EPOLLIN);
  readiness.watch(timer_.get(), EPOLLIN);
}

void PathWatch::detach() {
  if (events_) readiness_->forget(events_.get());
  readiness_->forget(timer_.get());
  readiness_ = nullptr;
}

void PathWatch::begin() noexcept {
  armed_ = true;
  events_ = core::UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  try {
    if (events_ && readiness_ != nullptr) readiness_->watch(events_.get(), EPOLLIN);
    if (!events_) {
      core::say(log_, LogLevel::info,
                {options_.endpoint, ": the path is looked at once a second (inotify: ",
                 std::generic_category().message(errno), ")"});
    }
  } catch (const std::exception&) {
    events_.reset();
  }
  watch_all();
  look_again_in(kAtOnce);
}

void PathWatch::settle(const core::UniqueFd& handle) noexcept {
  struct stat status {};
  handle_ = handle.get();
  if (fstat(handle_, &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  missing_since_.reset();
  complained_ = false;
  if (armed_) watch_all();
}

void PathWatch::watch_all() noexcept {
  try {
    watch_names();
  } catch (const std::bad_alloc&) {
    look_again_in(kBetweenTries);
  }
}

void PathWatch::watch_names() {
  const std::string fifo = "/proc/self/fd/" + std::to_string(handle_);
  // One that was passed is in use whatever happens to the path.
  if (!options_.passed.empty()) {
    if (more_events_ != 0) watch(fifo, more_events_);
    look_again_in(milliseconds(0));
    return;
  }
  // To lose a name changes a file's attributes, also while it is open.
  watch(fifo, IN_ATTRIB | kSelf | more_events_);
  watch_folders();
  look_again_in(events_ ? milliseconds(0) : kBetweenLooks);
}

// A folder that is renamed takes the FIFO along, which sees nothing of it.
void PathWatch::watch_folders() {
  const std::string& path = options_.path;
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    watch(path.substr(0, at), kSelf | IN_ONLYDIR | IN_MASK_ADD);
  }
}

// What cannot be watched is looked at from time to time.
void PathWatch::watch(const std::string& path, std::uint32_t events) {
  if (!events_ || inotify_add_watch(events_.get(), path.c_str(), events) >= 0) return;
  if (errno != ENOENT && errno != ENOTDIR) events_.reset();
}

void PathWatch::look_again_in(milliseconds interval) {
  const timespec time{.tv_sec = interval.count() / 1000,
                      .tv_nsec = interval.count() % 1000 * 1'000'000};
  const itimerspec timer{.it_interval = time, .it_value = time};
  timerfd_settime(timer_.get(), 0, &timer, nullptr);
}

// Whether something has happened.
bool PathWatch::drain() {
  std::array<std::byte, 4096> ignored;
  bool any = false;
  for (const core::UniqueFd* fd : {&events_, &timer_}) {
    while (*fd && ::read(fd->get(), ignored.data(), ignored.size()) > 0) any = true;
  }
  return any;
}

core::UniqueFd PathWatch::another() noexcept {
  arm();
  if (!drain()) return {};
  try {
    return look();
  } catch (const Error& error) {
    retry(error.what());
  } catch (const std::bad_alloc&) {
    retry("out of memory");
  }
  return {};
}

core::UniqueFd PathWatch::look() {
  core::UniqueFd handle;
  try {
    handle = locate_existing(options_);
  } catch (const Error& error) {
    if (error.errc() != Errc::not_found) throw;
  }
  if (!handle) return missing();
  struct stat status {};
  if (fstat(handle.get(), &status) != 0) return {};
  if (status.st_dev != device_ || status.st_ino != inode_) return handle;
  missing_since_.reset();
  complained_ = false;
  watch_all();
  return {};
}

core::UniqueFd PathWatch::missing() {
  const auto now = Clock::now();
  if (!missing_since_) {
    missing_since_ = now;
    const std::size_t slash = options_.path.rfind('/');
    watch(slash == std::string::npos ? "." : options_.path.substr(0, slash + 1),
          kSelf | IN_CREATE | IN_MOVED_TO | IN_MASK_ADD);
    look_again_in(kGrace);
    return {};
  }
  if (now - *missing_since_ < kGrace) return {};
  if (makes_) return locate(options_);
  retry(options_.path + " does not exist any more");
  return {};
}

void PathWatch::retry(std::string_view why) noexcept {
  look_again_in(kBetweenTries);
  if (std::exchange(complained_, true)) return;
  core::say(log_, LogLevel::warning,
            {options_.endpoint, ": the path is looked at again and again: ", why});
}

}  // namespace fifomq::fifo
