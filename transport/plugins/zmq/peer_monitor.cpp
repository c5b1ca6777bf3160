#include "peer_monitor.hpp"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "calls.hpp"
#include "core/identity.hpp"
#include "core/posix.hpp"

namespace fifomq::zeromq {
namespace {

constexpr int kEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CLOSED |
                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_LISTENING;
constexpr std::size_t kMostSaidInASecond = 8;

// Without its port, which is another one each time. It may be gone already.
std::string address_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "somebody";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* from = nullptr;
  if (address.ss_family == AF_INET) from = &reinterpret_cast<sockaddr_in*>(&address)->sin_addr;
  if (address.ss_family == AF_INET6) from = &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr;
  if (from != nullptr) return inet_ntop(address.ss_family, from, text.data(), text.size());
  ucred peer{};
  size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "somebody";
  return "pid " + std::to_string(peer.pid);
}

// A ZeroMQ peer speaks first. Until a connection has said something the kernel keeps it, and it
// takes none of our descriptors. (On a Unix socket this does nothing.)
void wait_for_words(int listener) {
  constexpr int kSeconds = 60;
  setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &kSeconds, sizeof kSeconds);
}

}  // namespace

PeerMonitor::PeerMonitor(zmq::context_t& context, zmq::socket_t& watched,
                         core::Readiness& readiness, WatchedEnd end, core::Notice notice)
    : watched_(watched),
      readiness_(readiness),
      end_(std::move(end)),
      notice_(std::move(notice)),
      events_(context, zmq::socket_type::pair),
      ledger_(end_.binds, end_.gate != nullptr) {
  if (!end_.binds) {
    alarm_ = core::UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!alarm_) throw core::system_error(errno, end_.endpoint, "make a timer");
    readiness.watch(alarm_.get(), EPOLLIN);
  }
  const std::string feed = "inproc://fifomq-monitor-" + std::to_string(core::random_id64());
  uninterrupted([&] {
    if (zmq_socket_monitor(watched.handle(), feed.c_str(), kEvents) != 0) throw zmq::error_t();
  });
  events_.set(zmq::sockopt::linger, 0);
  // libzmq's thread would wait for room in the feed, and serve nobody meanwhile.
  events_.set(zmq::sockopt::rcvhwm, 0);
  uninterrupted([&] { events_.connect(feed); });
  const int descriptor = events_.get(zmq::sockopt::fd);
  readiness.watch(descriptor, EPOLLIN);
  if (end_.gate != nullptr) end_.gate->watch(descriptor, [this] { update_for_owner(); });
}

PeerMonitor::~PeerMonitor() {
  if (end_.gate != nullptr) end_.gate->stop_watching();
}

void PeerMonitor::update() {
  const std::lock_guard lock(mutex_);
  take_all();
  if (alarm_is_set_) connect_again();
}

// What the descriptor showed, it shows no more. The socket itself is the owner's alone.
void PeerMonitor::update_for_owner() {
  {
    const std::lock_guard lock(mutex_);
    take_all();
  }
  readiness_.signal();
}

void PeerMonitor::take_all() {
  zmq::message_t event;
  while (receive_now(events_, event)) {
    // Two bytes of event, four of value; the second part is the address that was bound or
    // connected.
    std::uint16_t number = 0;
    std::int32_t value = 0;
    if (event.size() == sizeof number + sizeof value) {
      std::memcpy(&number, event.data(), sizeof number);
      std::memcpy(&value, event.data<std::byte>() + sizeof number, sizeof value);
    }
    zmq::message_t address;
    if (event.more()) receive_now(events_, address);
    take(number, value, address.to_string_view());
  }
  if (end_.gate == nullptr) return;
  for (const std::string& sentence : end_.gate->take_notices()) say(sentence);
}

void PeerMonitor::take(std::uint16_t event, std::int32_t value, std::string_view address) {
  switch (event) {
    case ZMQ_EVENT_CONNECTED:
    case ZMQ_EVENT_ACCEPTED:
      return ledger_.connected(value, end_.binds ? address_of(value) : std::string(address));
    case ZMQ_EVENT_LISTENING:
      return wait_for_words(value);
    case ZMQ_EVENT_CLOSED:
      unbound_ = true;
      return;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return handshake_done();
    case ZMQ_EVENT_DISCONNECTED:
      return disconnected(value);
    default:
      ledger_.handshake_failed(event, value);
  }
}

void PeerMonitor::handshake_done() {
  ledger_.handshake_done();
  pause_ = kFirstPause;
  set_alarm({});
}

// libzmq gives an address up for good once the other end has refused us, or said what it does not
// understand (4.3.4, engine_error() in session_base.cpp), and does not tell whether it has. But
// keys are allowed, and servers set right, while we wait.
void PeerMonitor::disconnected(int fd) {
  const auto gone = ledger_.disconnected(fd);
  if (!gone) return;
  set_alarm(pause_);
  if (gone->end == PeerLedger::End::failed) say(why_failed(*gone));
}

// None with a pause of 0.
void PeerMonitor::set_alarm(std::chrono::nanoseconds pause) {
  const bool sets = pause.count() > 0;
  if (!alarm_ || (!sets && !alarm_is_set_)) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pause);
  const itimerspec when{.it_interval = {},
                        .it_value = {seconds.count(), (pause - seconds).count()}};
  timerfd_settime(alarm_.get(), 0, &when, nullptr);
  alarm_is_set_ = sets;
}

// libzmq 4.3.4 does not connect most types of socket to an address that it knows already.
void PeerMonitor::connect_again() {
  std::uint64_t times = 0;
  if (::read(alarm_.get(), &times, sizeof times) < 0) return;
  alarm_is_set_ = false;
  // libzmq is at it, or has a peer.
  if (!ledger_.connections().empty()) return;
  // What has come goes with the address.
  const bool waits =
      end_.receives &&
      (uninterrupted([this] { return watched_.get(zmq::sockopt::events); }) & ZMQ_POLLIN) != 0;
  if (waits) {
    set_alarm(pause_);
  } else {
    forget_address();
    uninterrupted([this] { watched_.connect(end_.address); });
    pause_ = std::min(pause_ * 2, kLongestPause);
  }
  // Each of these calls may have taken back the edge that the socket's descriptor shows.
  readiness_.signal();
}

void PeerMonitor::forget_address() {
  try {
    uninterrupted([this] { watched_.disconnect(end_.address); });
  } catch (const zmq::error_t& error) {
    if (error.num() != ENOENT) throw;
  }
}

std::string PeerMonitor::why_failed(const PeerLedger::Gone& gone) const {
  const bool lets_in = end_.binds || end_.gate != nullptr;
  return lets_in && gone.event != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? why_refused(gone)
                                                                  : why_not_taken(gone);
}

// Where no keys are asked for, whoever leaves without a word is nobody to tell of: it may be a look
// at who serves here, such as our own.
std::string PeerMonitor::why_refused(const PeerLedger::Gone& gone) const {
  if (gone.event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
    if (!end_.has_curve) return "";
    return "refused " + gone.address +
           ": it has hung up during the handshake, or not begun one; perhaps it has no keys";
  }
  if (gone.event != 0 && gone.value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
    return "refused " + gone.address +
           (end_.has_curve ? ": it does not use CURVE, which this end asks for"
                           : ": it uses CURVE, and this end has no curve_key");
  }
  if (gone.event != 0 && gone.value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC) {
    return "refused " + gone.address + ": it takes this end for one with another key";
  }
  return "refused " + gone.address + ": what it sends is no ZMTP 3";
}

std::string PeerMonitor::why_not_taken(const PeerLedger::Gone& gone) const {
  if (gone.event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
    return gone.address +
           " refuses this end: the key in curve_key is not among those allowed there";
  }
  if (gone.event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
    return gone.address + " has hung up during the handshake" +
           (end_.has_curve ? "; perhaps the key in curve_server is not its own" : "");
  }
  if (gone.value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) {
    return gone.address + (end_.has_curve ? " does not use CURVE, which this end asks for"
                                          : " uses CURVE, and this end has no curve_key");
  }
  return "what answers at " + gone.address + " is no ZMTP 3";
}

void PeerMonitor::say(const std::string& sentence) {
  if (sentence.empty() || !notice_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    said_.clear();
  }
  if (said_.size() == kMostSaidInASecond || std::ranges::count(said_, sentence) > 0) return;
  said_.push_back(sentence);
  notice_(sentence);
}

void PeerMonitor::wait_for_unbind(Deadline deadline) {
  // Or the other thread takes the event for which this one waits.
  if (end_.gate != nullptr) end_.gate->stop_watching();
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      take_all();
      if (unbound_) return;
    }
    pollfd feed{.fd = events_.get(zmq::sockopt::fd), .events = POLLIN, .revents = 0};
    if (core::wait_for({&feed, 1}, deadline) == 0) return;
  }
}

// What libzmq has let go of may still be in its write buffer, which it throws away when it closes;
// and a peer whose queue is full when the connection closes throws away what it has not read
// (both 4.3.4). No event tells when the last byte has been taken over, so the kernel is asked again
// and again.
void PeerMonitor::wait_for_kernel(Deadline deadline) {
  constexpr auto kInterval = std::chrono::milliseconds(1);
  for (int empty = 0; empty < 2 && !deadline.expired();) {
    update();
    empty = kernel_backlog() == 0 ? empty + 1 : 0;
    std::this_thread::sleep_for(kInterval);
  }
}

// Bytes that the kernel holds and the peers have not taken over.
std::uint64_t PeerMonitor::kernel_backlog() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const PeerLedger::Connection& each : ledger_.connections()) {
    int bytes = 0;
    if (ioctl(each.fd, SIOCOUTQ, &bytes) == 0) sum += static_cast<std::uint64_t>(bytes);
  }
  return sum;
}

}  // namespace fifomq::zeromq
