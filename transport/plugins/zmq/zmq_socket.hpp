// A ZeroMQ socket of ours: opened as its options say, with its peers counted and its events turned
// into the level-triggered readiness that poll_fd() promises.
#pragma once

#include <zmq.hpp>

#include <cerrno>
#include <memory>
#include <set>

#include "core/readiness.hpp"
#include "zmq_options.hpp"

namespace fifomq::zeromq {

// Turns what libzmq throws into an Error.
Error to_error(const zmq::error_t& error, const std::string& endpoint, const std::string& action);

// libzmq gives up with EINTR, before anything is done, when a signal comes while it looks for its
// own commands.
template <typename Call>
auto uninterrupted(Call call) {
  while (true) {
    try {
      return call();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

inline bool send_now(zmq::socket_t& socket, zmq::message_t& part, zmq::send_flags flags) {
  return uninterrupted(
      [&] { return socket.send(part, flags | zmq::send_flags::dontwait).has_value(); });
}

inline bool receive_now(zmq::socket_t& socket, zmq::message_t& part) {
  return uninterrupted([&] { return socket.recv(part, zmq::recv_flags::dontwait).has_value(); });
}

// How many peers there are, from the socket's own event feed. (In-process peers make no events.)
class PeerMonitor {
 public:
  PeerMonitor(zmq::context_t& context, zmq::socket_t& watched, core::Readiness& readiness);

  // Takes in what has happened since the last call.
  void update();
  std::uint64_t peers() const { return peers_; }
  std::uint64_t peers_lost() const { return lost_; }

  // Bytes that the kernel holds and the peers have not taken over.
  std::uint64_t kernel_backlog() const;

  // Waits for libzmq's thread to have closed what the socket was bound to; a moment, as a rule.
  void wait_for_unbind(Deadline deadline);

 private:
  void take(std::uint16_t event, int fd);

  zmq::socket_t events_;
  std::uint64_t peers_ = 0;
  std::uint64_t lost_ = 0;
  bool unbound_ = false;
  std::set<int> connections_;            // libzmq's descriptors
  std::uint64_t failed_handshakes_ = 0;  // whose disconnection is still to come
};

// Binds or connects in its constructor; never waits for a peer. Throws Error.
class Socket {
 public:
  Socket(std::shared_ptr<zmq::context_t> context, const ZmqOptions& options, zmq::socket_type type,
         Direction direction);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&&) = delete;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  zmq::socket_t& zmq() { return socket_; }
  core::Readiness& readiness() { return readiness_; }
  const core::Readiness& readiness() const { return readiness_; }
  PeerMonitor& peers() { return *peers_; }

  // ZMQ_POLLIN, ZMQ_POLLOUT. Asking also takes back the edge that libzmq's descriptor shows, so it
  // is done before each wait: an edge that comes later is then seen.
  int events();

 private:
  void set_options(const ZmqOptions& options, Direction direction);
  void attach(const ZmqOptions& options);

  std::shared_ptr<zmq::context_t> context_;
  core::Readiness readiness_;
  zmq::socket_t socket_;
  std::unique_ptr<PeerMonitor> peers_;
  bool bound_ = false;
};

}  // namespace fifomq::zeromq
