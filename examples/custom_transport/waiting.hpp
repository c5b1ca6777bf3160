// What the two ends share: descriptors, errors of the system, and waiting until a deadline.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include <fifomq/deadline.hpp>
#include <fifomq/endpoint.hpp>
#include <fifomq/error.hpp>

namespace seqpacket {

using fifomq::Deadline;
using fifomq::Endpoint;
using fifomq::Errc;
using fifomq::Error;

// Closes what it holds.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

[[noreturn]] inline void fail(const Endpoint& endpoint, const std::string& action) {
  const int error = errno;
  Errc code = Errc::system_failure;
  if (error == ENOENT || error == ENOTDIR) code = Errc::not_found;
  if (error == EACCES || error == EPERM || error == EROFS) code = Errc::permission_denied;
  if (error == EADDRINUSE) code = Errc::in_use;
  throw Error(code, endpoint.text(),
              "cannot " + action + ": " + std::generic_category().message(error));
}

inline Fd checked(int fd, const Endpoint& endpoint, const std::string& action) {
  if (fd < 0) fail(endpoint, action);
  return Fd(fd);
}

// What both ends wait with: a set of descriptors, itself one, in which closing shows too.
class Waiting {
 public:
  explicit Waiting(const Endpoint& endpoint)
      : endpoint_(endpoint),
        set_(checked(epoll_create1(EPOLL_CLOEXEC), endpoint, "wait for events")),
        waking_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), endpoint, "wait for events")) {
    add(waking_.get(), EPOLLIN);
  }

  int fd() const { return set_.get(); }
  bool closed() const { return closed_; }
  void close() noexcept {
    closed_ = true;
    wake();
  }
  // From now on there is always something.
  void wake() noexcept { eventfd_write(waking_.get(), 1); }
  // A descriptor that is closed leaves by itself.
  void add(int fd, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail(endpoint_, "wait for events");
  }
  // Until something happens. False once the deadline has passed before.
  bool wait(Deadline deadline) const {
    const auto left = deadline.remaining();
    if (left <= left.zero()) return false;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    pollfd event{.fd = set_.get(), .events = POLLIN, .revents = 0};
    ppoll(&event, 1, deadline.is_never() ? nullptr : &time, nullptr);
    return true;
  }

 private:
  const Endpoint& endpoint_;
  const Fd set_;
  const Fd waking_;
  std::atomic<bool> closed_ = false;
};

}  // namespace seqpacket
