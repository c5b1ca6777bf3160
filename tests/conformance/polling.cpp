#include "conformance/polling.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

namespace fifomq::conformance {
namespace {

bool epoll_readable(int fd, int milliseconds) {
  const int set = epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_event seen{};
  const bool readable = epoll_ctl(set, EPOLL_CTL_ADD, fd, &wanted) == 0 &&
                        epoll_wait(set, &seen, 1, milliseconds) == 1 &&
                        (seen.events & EPOLLIN) != 0;
  close(set);
  return readable;
}

}  // namespace

const char* to_string(Poller poller) {
  switch (poller) {
    case Poller::poll:
      return "poll";
    case Poller::epoll:
      return "epoll";
    case Poller::zmq_poll:
      break;
  }
  return "zmq_poll";
}

bool is_readable(int fd, Poller poller, std::chrono::milliseconds wait) {
  const auto milliseconds = static_cast<int>(wait.count());
  if (poller == Poller::epoll) return epoll_readable(fd, milliseconds);
  if (poller == Poller::poll) {
    pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&item, 1, milliseconds) == 1 && (item.revents & POLLIN) != 0;
  }
  zmq_pollitem_t item{.socket = nullptr, .fd = fd, .events = ZMQ_POLLIN, .revents = 0};
  return zmq_poll(&item, 1, milliseconds) == 1 && (item.revents & ZMQ_POLLIN) != 0;
}

}  // namespace fifomq::conformance
