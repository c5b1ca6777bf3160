// A ZeroMQ socket of ours: opened as its options say, with its peers counted and its events turned
// into the level-triggered readiness that poll_fd() promises.
#pragma once

#include <zmq.hpp>

#include <memory>

#include <fifomq/log.hpp>

#include "calls.hpp"
#include "context.hpp"
#include "core/readiness.hpp"
#include "peer_monitor.hpp"
#include "zmq_options.hpp"

namespace fifomq::zeromq {

// The one place where a socket is set up, of whatever type: limits, keys, who watches it, and then
// bound or connected. Its constructor never waits for a peer. Throws Error. `log` is told who was
// turned away.
class Socket {
 public:
  Socket(std::shared_ptr<Context> context, const ZmqOptions& options, zmq::socket_type type,
         Direction direction, const LogSink& log);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&&) = delete;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  zmq::socket_t& zmq() { return socket_; }
  core::Readiness& readiness() { return readiness_; }
  const core::Readiness& readiness() const { return readiness_; }
  PeerMonitor& peers() { return *peers_; }
  const PeerMonitor& peers() const { return *peers_; }
  // Enters what is known of them by now.
  void count_peers(Counters& counters);

  // ZMQ_POLLIN, ZMQ_POLLOUT. Asking also takes back the edge that libzmq's descriptor shows, so it
  // is done before each wait: an edge that comes later is then seen.
  int events();

 private:
  void set_options(const ZmqOptions& options, Direction direction);
  void set_reliable_options(Direction direction);
  void set_keepalive(int seconds);
  void attach(const ZmqOptions& options);

  std::shared_ptr<Context> context_;
  std::unique_ptr<Gate> gate_;
  core::Readiness readiness_;
  zmq::socket_t socket_;
  std::unique_ptr<PeerMonitor> peers_;
  bool bound_ = false;
};

}  // namespace fifomq::zeromq
