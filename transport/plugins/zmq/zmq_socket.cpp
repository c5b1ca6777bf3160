#include "zmq_socket.hpp"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include <fifomq/error.hpp>

#include "core/identity.hpp"
#include "core/posix.hpp"

namespace fifomq::zeromq {

Error to_error(const zmq::error_t& error, const std::string& endpoint, const std::string& action) {
  switch (error.num()) {
    case EINVAL:
    case EPROTONOSUPPORT:
      return {Errc::invalid_endpoint, endpoint,
              "cannot " + action +
                  ": libzmq takes no such address; write tcp://HOST:PORT or ipc://PATH"};
    case ENODEV:
      return {Errc::invalid_endpoint, endpoint,
              "cannot " + action + ": this host has no such address or interface"};
    default:
      return core::system_error(error.num(), endpoint, action);
  }
}

PeerMonitor::PeerMonitor(zmq::context_t& context, zmq::socket_t& watched,
                         core::Readiness& readiness)
    : events_(context, zmq::socket_type::pair) {
  constexpr int kEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CLOSED |
                          ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                          ZMQ_EVENT_DISCONNECTED;
  const std::string feed = "inproc://fifomq-monitor-" + std::to_string(core::random_id64());
  uninterrupted([&] {
    if (zmq_socket_monitor(watched.handle(), feed.c_str(), kEvents) != 0) throw zmq::error_t();
  });
  events_.set(zmq::sockopt::linger, 0);
  uninterrupted([&] { events_.connect(feed); });
  readiness.watch(events_.get(zmq::sockopt::fd), EPOLLIN);
}

void PeerMonitor::update() {
  zmq::message_t event;
  while (receive_now(events_, event)) {
    // Two bytes of event, four of value; the second part is the peer's address.
    std::uint16_t number = 0;
    std::int32_t value = 0;
    if (event.size() == sizeof number + sizeof value) {
      std::memcpy(&number, event.data(), sizeof number);
      std::memcpy(&value, event.data<std::byte>() + sizeof number, sizeof value);
    }
    zmq::message_t address;
    if (event.more()) receive_now(events_, address);
    take(number, value);
  }
}

void PeerMonitor::take(std::uint16_t event, int fd) {
  switch (event) {
    case ZMQ_EVENT_CONNECTED:
    case ZMQ_EVENT_ACCEPTED:
      connections_.insert(fd);
      return;
    case ZMQ_EVENT_CLOSED:
      unbound_ = true;
      return;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      ++peers_;
      return;
    case ZMQ_EVENT_DISCONNECTED:
      connections_.erase(fd);
      break;
    default:
      ++failed_handshakes_;
      return;
  }
  if (failed_handshakes_ > 0) {
    --failed_handshakes_;
  } else if (peers_ > 0) {
    --peers_;
    ++lost_;
  }
}

void PeerMonitor::wait_for_unbind(Deadline deadline) {
  unbound_ = false;
  while (true) {
    update();
    if (unbound_) return;
    pollfd feed{.fd = events_.get(zmq::sockopt::fd), .events = POLLIN, .revents = 0};
    if (core::wait_for({&feed, 1}, deadline) == 0) return;
  }
}

std::uint64_t PeerMonitor::kernel_backlog() const {
  std::uint64_t sum = 0;
  for (const int fd : connections_) {
    int bytes = 0;
    if (ioctl(fd, SIOCOUTQ, &bytes) == 0) sum += static_cast<std::uint64_t>(bytes);
  }
  return sum;
}

Socket::Socket(std::shared_ptr<zmq::context_t> context, const ZmqOptions& options,
               zmq::socket_type type, Direction direction)
    : context_(std::move(context)), readiness_(options.endpoint) {
  check_ipc_path(options);
  const std::string action = (options.binds ? "bind " : "connect ") + options.address;
  try {
    socket_ = zmq::socket_t(*context_, type);
    set_options(options, direction);
    peers_ = std::make_unique<PeerMonitor>(*context_, socket_, readiness_);
    attach(options);
    readiness_.watch(socket_.get(zmq::sockopt::fd), EPOLLIN);
  } catch (const zmq::error_t& error) {
    throw to_error(error, options.endpoint, action);
  }
}

// libzmq closes in a thread of its own, some time later. Whoever binds the same address next must
// not find it taken by us, so what we listened on is closed here.
Socket::~Socket() {
  try {
    if (bound_) {
      peers_->update();
      uninterrupted([this] { socket_.unbind(socket_.get(zmq::sockopt::last_endpoint)); });
      peers_->wait_for_unbind(Deadline::after(std::chrono::seconds(1)));
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): it is closed in any case, only later
  }
  if (socket_.handle() != nullptr) zmq_socket_monitor(socket_.handle(), nullptr, 0);
}

void Socket::set_options(const ZmqOptions& options, Direction direction) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::sndhwm, options.high_water_mark);
  socket_.set(zmq::sockopt::rcvhwm, options.high_water_mark);
  // A message is queued for a peer that is there, not for an address that may never answer. A
  // receiver must not ask for this: libzmq then throws away what a leaving peer had sent (4.3.4,
  // hiccuped()).
  if (!options.binds && direction == Direction::send) socket_.set(zmq::sockopt::immediate, 1);
  if (options.address.find('[') != std::string::npos) socket_.set(zmq::sockopt::ipv6, 1);
  if (options.type == SocketType::pub) {
    socket_.set(zmq::sockopt::xpub_verboser, 1);
    socket_.set(zmq::sockopt::xpub_nodrop, options.on_full == OnFull::drop_slow ? 0 : 1);
  }
  if (options.type == SocketType::sub) socket_.set(zmq::sockopt::subscribe, options.topic);
}

void Socket::attach(const ZmqOptions& options) {
  if (options.binds) {
    uninterrupted([&] { socket_.bind(options.address); });
    bound_ = true;
  } else {
    uninterrupted([&] { socket_.connect(options.address); });
  }
}

int Socket::events() {
  return uninterrupted([this] { return socket_.get(zmq::sockopt::events); });
}

}  // namespace fifomq::zeromq
