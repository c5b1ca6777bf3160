// Which connections of a socket are peers, from its events, not all of which say whose they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fifomq::zeromq {

// One thread at a time tells it what has happened; the counts may be read from another one.
class PeerLedger {
 public:
  // Of a socket that binds, or has one connection at a time; and that lets others in by their keys.
  PeerLedger(bool binds, bool asks_for_keys) : binds_(binds), asks_for_keys_(asks_for_keys) {}

  struct Connection {
    int fd;               // libzmq's
    std::string address;  // of the other end, for people
    bool is_peer = false;
  };
  enum class End {
    lost,       // it was a peer
    wrong_key,  // refused here; who asked for the key has told of it
    failed,     // any other end of a handshake
  };
  struct Gone {
    End end;
    std::string address;
    std::uint16_t event = 0;  // of libzmq's, that told of the failure; 0 = none has
    std::int32_t value = 0;   // of the event
  };

  void connected(int fd, std::string address);
  void handshake_done();
  // The events ZMQ_EVENT_HANDSHAKE_FAILED_*.
  void handshake_failed(std::uint16_t event, std::int32_t value);
  // Nothing where the connection is not known.
  std::optional<Gone> disconnected(int fd);

  const std::vector<Connection>& connections() const { return connections_; }
  std::uint64_t peers() const { return peers_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t refused() const { return refused_; }
  // Peers that have ever come.
  std::uint64_t seen() const { return seen_; }

 private:
  struct Failure {
    std::uint16_t event = 0;  // 0: none
    std::int32_t value = 0;
  };

  void drop(const Connection& gone);
  bool was_peer(Connection& gone, const Failure& failure);

  const bool binds_;
  const bool asks_for_keys_;
  std::atomic<std::uint64_t> peers_ = 0;
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<std::uint64_t> seen_ = 0;
  std::vector<Connection> connections_;  // in the order of their coming
  Failure failure_;                      // of the connection whose end comes next
  std::uint64_t wrong_keys_ = 0;         // whose end is still to come
  bool key_just_failed_ = false;
};

}  // namespace fifomq::zeromq
