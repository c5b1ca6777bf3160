#include "zmq_socket.hpp"

#include <sys/epoll.h>

#include <cerrno>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "core/posix.hpp"

namespace fifomq::zeromq {
namespace {

constexpr int kHandshakeMilliseconds = 5000;
constexpr int kConnectMilliseconds = 2000;
constexpr int kWaitingConnections = 4096;  // the system may grant less (somaxconn)
// Over max_message, in one ZeroMQ message: for topic, type and framing.
constexpr std::uint64_t kMargin = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostDoubled = std::uint64_t{1} << 61;

}  // namespace

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

Socket::Socket(std::shared_ptr<Context> context, const ZmqOptions& options, zmq::socket_type type,
               Direction direction, const LogSink& log)
    : context_(std::move(context)), readiness_(options.endpoint) {
  check_ipc_path(options);
  const SecurityOptions& security = options.security;
  const Keys keys = read_keys(security, options.endpoint);
  // Before anybody can come.
  if (security.serves()) {
    gate_ = std::make_unique<Gate>(context_->gatekeeper(options.endpoint), security.clients);
  }
  const std::string action = (options.binds ? "bind " : "connect ") + options.address;
  try {
    socket_ = zmq::socket_t(context_->zmq(), type);
    set_options(options, direction);
    apply_keys(socket_, keys, gate_.get());
    peers_ =
        std::make_unique<PeerMonitor>(context_->zmq(), socket_, readiness_,
                                      WatchedEnd{.endpoint = options.endpoint,
                                                 .address = options.address,
                                                 .binds = options.binds,
                                                 .receives = direction == Direction::receive,
                                                 .has_curve = security.has_keys(),
                                                 .gate = gate_.get()},
                                      core::notice_for(Endpoint::parse(options.endpoint), log));
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
  const bool reliable = options.type == SocketType::reliable;
  if (!options.binds && direction == Direction::send && !reliable) {
    socket_.set(zmq::sockopt::immediate, 1);
  }
  if (reliable) {
    set_reliable_options(direction);
  } else {
    set_keepalive(3);
  }
  // A connection that says nothing is dropped, and what a stranger may make us keep is bounded; but
  // a message that is only too large for us costs nothing but itself.
  socket_.set(zmq::sockopt::handshake_ivl, kHandshakeMilliseconds);
  // The kernel asks less and less often for a host that does not answer.
  socket_.set(zmq::sockopt::connect_timeout, kConnectMilliseconds);
  if (options.binds) {
    socket_.set(zmq::sockopt::backlog, kWaitingConnections);
    socket_.set(
        zmq::sockopt::maxmsgsize,
        static_cast<std::int64_t>(std::min(options.max_message, kMostDoubled) * 2 + kMargin));
  }
  if (options.address.find('[') != std::string::npos) socket_.set(zmq::sockopt::ipv6, 1);
  if (options.type == SocketType::pub) {
    socket_.set(zmq::sockopt::xpub_verboser, 1);
    socket_.set(zmq::sockopt::xpub_nodrop, options.on_full == OnFull::drop_slow ? 0 : 1);
  }
  if (options.type == SocketType::sub) socket_.set(zmq::sockopt::subscribe, options.topic);
}

// A reliable sender does without `immediate`: it looks for itself whether somebody is there, and
// must not lose the acknowledgements of a receiver that leaves.
void Socket::set_reliable_options(Direction direction) {
  // A dead link is noticed by its kernel: while it is idle by what is below, while something is on
  // its way by this. Not by ZMQ_HEARTBEAT: only a whole message is a sign of life there (libzmq
  // 4.3.4), so one that takes longer than its timeout would never get through.
  constexpr std::chrono::milliseconds kSilence(3000);
  socket_.set(zmq::sockopt::tcp_maxrt, static_cast<int>(kSilence.count()));
  set_keepalive(1);
  // Soon at first, for who was only restarted.
  socket_.set(zmq::sockopt::reconnect_ivl, 10);
  socket_.set(zmq::sockopt::reconnect_ivl_max, 1000);
  // Of two peers with one identity the new one wins.
  if (direction == Direction::receive) socket_.set(zmq::sockopt::router_handover, 1);
}

// Who only receives would wait for a peer whose host is gone until the end of time. A peer that
// only stands still keeps its connection: its kernel answers.
void Socket::set_keepalive(int seconds) {
  socket_.set(zmq::sockopt::tcp_keepalive, 1);
  socket_.set(zmq::sockopt::tcp_keepalive_idle, seconds);
  socket_.set(zmq::sockopt::tcp_keepalive_intvl, seconds);
  socket_.set(zmq::sockopt::tcp_keepalive_cnt, 3);
}

void Socket::attach(const ZmqOptions& options) {
  if (options.binds) {
    uninterrupted([&] { socket_.bind(options.address); });
    bound_ = true;
    peers_->update();
  } else {
    uninterrupted([&] { socket_.connect(options.address); });
  }
}

void Socket::count_peers(Counters& counters) {
  peers_->update();
  counters.peers = peers_->peers();
  counters.peers_lost = peers_->peers_lost();
  counters.peers_refused = peers_->peers_refused();
}

int Socket::events() {
  return uninterrupted([this] { return socket_.get(zmq::sockopt::events); });
}

}  // namespace fifomq::zeromq
