// Who is connected to a socket, who has left, and who was turned away, from the socket's own event
// feed. (In-process peers make no events.)
#pragma once

#include <zmq.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/decoder.hpp"
#include "core/readiness.hpp"
#include "gatekeeper.hpp"
#include "peer_ledger.hpp"

namespace fifomq::zeromq {

// Of the socket that is watched.
struct WatchedEnd {
  std::string endpoint;  // as it was given, for errors
  std::string address;   // as libzmq takes it
  bool binds = false;
  bool receives = false;
  bool has_curve = false;
  Gate* gate = nullptr;  // of a CURVE server; outlives the monitor
};

class PeerMonitor {
 public:
  // `notice` is told who was turned away, and why: each sentence once a second at most, so that a
  // flood of strangers is no flood of lines.
  PeerMonitor(zmq::context_t& context, zmq::socket_t& watched, core::Readiness& readiness,
              WatchedEnd end, core::Notice notice);

  PeerMonitor(const PeerMonitor&) = delete;
  PeerMonitor& operator=(const PeerMonitor&) = delete;
  PeerMonitor(PeerMonitor&&) = delete;
  PeerMonitor& operator=(PeerMonitor&&) = delete;
  ~PeerMonitor();

  // Takes in what has happened since the last call.
  void update();
  std::uint64_t peers() const { return ledger_.peers(); }
  std::uint64_t peers_lost() const { return ledger_.lost(); }
  // How many have ever come.
  std::uint64_t peers_seen() const { return ledger_.seen(); }
  // Connections that ended before they were peers.
  std::uint64_t peers_refused() const { return ledger_.refused(); }

  // Waits until the peers have taken over what libzmq has let go of.
  void wait_for_kernel(Deadline deadline);

  // Waits for libzmq's thread to have closed what the socket was bound to; a moment, as a rule.
  void wait_for_unbind(Deadline deadline);

 private:
  static constexpr std::chrono::milliseconds kFirstPause{250};
  static constexpr std::chrono::milliseconds kLongestPause{30'000};

  std::uint64_t kernel_backlog() const;
  void update_for_owner();
  void take_all();
  void take(std::uint16_t event, std::int32_t value, std::string_view address);
  void handshake_done();
  void disconnected(int fd);
  void say(const std::string& sentence);
  void set_alarm(std::chrono::nanoseconds pause);
  void connect_again();
  void forget_address();
  std::string why_failed(const PeerLedger::Gone& gone) const;
  std::string why_refused(const PeerLedger::Gone& gone) const;
  std::string why_not_taken(const PeerLedger::Gone& gone) const;

  zmq::socket_t& watched_;
  core::Readiness& readiness_;
  const WatchedEnd end_;
  const core::Notice notice_;
  // The owner's thread and, where there is a gate, the gatekeeper's.
  mutable std::mutex mutex_;
  zmq::socket_t events_;
  PeerLedger ledger_;
  bool unbound_ = false;
  std::chrono::steady_clock::time_point second_{};
  std::vector<std::string> said_;  // in that second
  core::UniqueFd alarm_;           // when to connect again; of an end that connects
  bool alarm_is_set_ = false;
  std::chrono::milliseconds pause_ = kFirstPause;
};

}  // namespace fifomq::zeromq
