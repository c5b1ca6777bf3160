#include "fifo_sink.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fifomq/error.hpp>

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
      opened_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      retry_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!retry_) throw core::system_error(errno, options_.endpoint, "make a timer");
  // Watched before the first attempt to open, so that no reader slips in between. Without inotify
  // the timer alone finds the reader.
  if (opened_ && inotify_add_watch(opened_.get(), options_.path.c_str(), IN_OPEN) < 0)
    opened_.reset();
  if (!open_writer() && errno != ENXIO) {
    throw core::system_error(errno, options_.endpoint, "open " + options_.path + " to write");
  }
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
  if (expecting_) {
    drain(opened_);
    drain(retry_);
  }
  if (!writer_ && !open_writer()) {
    if (errno == ENXIO) return {core::IoStatus::no_peer};
    return {.status = core::IoStatus::failed, .error = errno};
  }
  const core::IoResult result = core::write_some(writer_.get(), bytes);
  if (result.status == core::IoStatus::no_peer) {
    expect_reader();
  } else {
    found_reader();
  }
  return result;
}

// A pipe without a reader is "ready" with an error all the time; what is worth waiting for is
// somebody who opens it.
void FifoSink::expect_reader() {
  if (expecting_) return;
  expecting_ = true;
  if (writer_) readiness_->forget(writer_.get());
  if (opened_) readiness_->watch(opened_.get(), EPOLLIN);
  if (!opened_ || !writer_) set_timer(retry_, kRetryNanoseconds);
}

void FifoSink::found_reader() {
  if (!expecting_) return;
  expecting_ = false;
  if (opened_) readiness_->forget(opened_.get());
  set_timer(retry_, 0);
  readiness_->watch(writer_.get(), EPOLLOUT);
}

}  // namespace fifomq::fifo
