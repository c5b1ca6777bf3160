#include "fifo_sink.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fifomq/error.hpp>

#include "core/say.hpp"
#include "fifo_path.hpp"

namespace fifomq::fifo {
namespace {

// How soon a reader is found that no event announces: one that itself blocks in open(), waiting for
// us.
constexpr long kRetryNanoseconds = 20'000'000;

void drain(const core::UniqueFd& events) {
  std::array<std::byte, 4096> ignored;
  while (events && ::read(events.get(), ignored.data(), ignored.size()) > 0) {
  }
}

// Pages that are used once pay only where the kernel makes them huge: it then has one to clear and
// to map instead of 512.
bool has_huge_pages() {
  const std::string choices = core::read_text("/sys/kernel/mm/transparent_hugepage/enabled");
  return !choices.empty() && choices.find("[never]") == std::string::npos;
}

// Whether the system lets us: a descriptor that is none is then what it complains about.
bool knows_vmsplice() { return vmsplice(-1, nullptr, 0, 0) >= 0 || errno == EBADF; }

void set_timer(const core::UniqueFd& timer, long nanoseconds) {
  const itimerspec interval{.it_interval = {.tv_sec = 0, .tv_nsec = nanoseconds},
                            .it_value = {.tv_sec = 0, .tv_nsec = nanoseconds}};
  timerfd_settime(timer.get(), 0, &interval, nullptr);
}

}  // namespace

FifoSink::FifoSink(FifoOptions options, LogSink log)
    : options_(std::move(options)),
      log_(std::move(log)),
      handle_(locate(options_)),
      can_splice_(has_huge_pages()) {
  // Watched before the first attempt to open, so that no reader slips in between.
  make_events();
  if (can_splice_ && !knows_vmsplice()) {
    can_splice_ = false;
    if (log_) {
      log_(LogLevel::info, options_.endpoint +
                               ": pages are copied into the pipe: cannot give them to it "
                               "(vmsplice): " +
                               std::generic_category().message(errno));
    }
  }
  if (!open_writer() && errno != ENXIO) {
    throw core::system_error(errno, options_.endpoint, "open " + options_.path + " to write");
  }
}

// Without inotify the timer alone finds the reader.
void FifoSink::make_events() {
  retry_ = core::UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!retry_) throw core::system_error(errno, options_.endpoint, "make a timer");
  watch_ = std::make_unique<PathWatch>(options_, log_, IN_OPEN, false);
  watch_->settle(handle_);
  watch_->arm();
}

void FifoSink::renew() {
  make_events();
  expecting_ = false;
}

void FifoSink::attach(core::Readiness& readiness) {
  readiness_ = &readiness;
  readiness.watch(retry_.get(), EPOLLIN);
  if (writer_) {
    readiness.watch(writer_.get(), EPOLLOUT);
  } else {
    expect_reader();
  }
}

bool FifoSink::open_writer() {
  writer_ = open_located(handle_, O_WRONLY);
  if (writer_) set_capacity(writer_, options_, log_);
  return static_cast<bool>(writer_);
}

core::IoResult FifoSink::write(ByteView bytes) {
  return to_reader([&] { return core::write_some(writer_.get(), bytes); });
}

core::IoResult FifoSink::splice(std::span<const iovec> pages) {
  const core::IoResult result = to_reader([&] { return core::splice_some(writer_.get(), pages); });
  if (result.status == core::IoStatus::failed) can_splice_ = false;
  return result;
}

// Each page fills one place of the pipe, and leaves it when it has been read to its end. Who reads
// from a pipe that was left may do so at any time.
std::optional<std::size_t> FifoSink::pages_until_read() {
  const int bytes = fcntl(writer_.get(), F_GETPIPE_SZ);
  if (std::exchange(moved_, false) || bytes < 0) return std::nullopt;
  return static_cast<std::size_t>(bytes) / core::kPieceBytes;
}

template <typename Move>
core::IoResult FifoSink::to_reader(const Move& move) {
  if (expecting_) {
    drain(retry_);
    follow_path();
  }
  if (!writer_ && !open_writer()) {
    if (errno == ENXIO) return {core::IoStatus::no_peer};
    if (core::is_used_up(errno)) return wait_for_descriptor();
    return {.status = core::IoStatus::failed, .error = errno};
  }
  // What throws does so before anything is moved.
  if (expecting_) readiness_->watch(writer_.get(), EPOLLOUT);
  const core::IoResult result = move();
  if (result.status == core::IoStatus::no_peer) {
    expect_reader();
  } else {
    found_reader();
  }
  return result;
}

// The timer asks for the next try, as for a reader that is not there.
core::IoResult FifoSink::wait_for_descriptor() noexcept {
  if (!std::exchange(told_of_lack_, true)) {
    core::say(log_, LogLevel::warning,
              {options_.endpoint, ": what is sent waits: cannot open ", options_.path,
               " to write, for want of a descriptor or of memory"});
  }
  return {core::IoStatus::would_block};
}

// What was accepted and has not left goes to the reader of the other one.
void FifoSink::follow_path() {
  core::UniqueFd other = watch_->another();
  if (!other) return;
  handle_ = std::move(other);
  writer_.reset();
  moved_ = true;
  set_timer(retry_, kRetryNanoseconds);
  watch_->settle(handle_);
}

// A pipe without a reader is "ready" with an error all the time; what is worth waiting for is
// somebody who opens it.
void FifoSink::expect_reader() {
  if (writer_) readiness_->forget(writer_.get());
  if (expecting_) return;
  watch_->attach(*readiness_);
  if (!watch_->has_events() || !writer_) set_timer(retry_, kRetryNanoseconds);
  expecting_ = true;
}

void FifoSink::found_reader() {
  if (!expecting_) return;
  expecting_ = told_of_lack_ = false;
  watch_->detach();
  set_timer(retry_, 0);
}

}  // namespace fifomq::fifo
