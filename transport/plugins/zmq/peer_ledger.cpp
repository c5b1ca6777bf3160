#include "peer_ledger.hpp"

#include <zmq.hpp>

#include <algorithm>
#include <utility>

namespace fifomq::zeromq {

// libzmq closes some connections without an event, such as those of an address that is given up:
// then the descriptor comes again, or the one that takes its place.
void PeerLedger::connected(int fd, std::string address) {
  key_just_failed_ = false;
  std::erase_if(connections_, [&](const Connection& each) {
    const bool gone = each.fd == fd || !binds_;
    if (gone) drop(each);
    return gone;
  });
  if (!binds_) wrong_keys_ = 0;
  connections_.push_back({.fd = fd, .address = std::move(address)});
}

void PeerLedger::drop(const Connection& gone) {
  if (gone.is_peer) --peers_;
  ++(gone.is_peer ? lost_ : refused_);
}

// The event does not say whose. Whoever came last is the likeliest: a handshake takes no time, and
// those who have none to offer stay where they are. A wrong guess is put right when they leave.
void PeerLedger::handshake_done() {
  key_just_failed_ = false;
  const auto latest = std::find_if(connections_.rbegin(), connections_.rend(),
                                   [](const Connection& each) { return !each.is_peer; });
  if (latest == connections_.rend()) return;
  latest->is_peer = true;
  ++peers_;
  ++seen_;
}

// Where a key is refused here, the connection stays open until the other end has been told. If it
// has hung up before that, libzmq tells of it at once, as of a second failure (4.3.4,
// restart_input() in stream_engine_base.cpp).
void PeerLedger::handshake_failed(std::uint16_t event, std::int32_t value) {
  const bool is_wrong_key = asks_for_keys_ && event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  const bool is_second = std::exchange(key_just_failed_, is_wrong_key) &&
                         event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
  if (is_wrong_key) {
    ++wrong_keys_;
  } else if (!is_second) {
    failure_ = {.event = event, .value = value};
  }
}

std::optional<PeerLedger::Gone> PeerLedger::disconnected(int fd) {
  key_just_failed_ = false;
  const Failure failure = std::exchange(failure_, {});
  const auto found = std::ranges::find(connections_, fd, &Connection::fd);
  if (found == connections_.end()) return std::nullopt;
  Connection gone = std::move(*found);
  connections_.erase(found);
  if (was_peer(gone, failure)) {
    --peers_;
    ++lost_;
    return Gone{.end = End::lost, .address = std::move(gone.address)};
  }
  ++refused_;
  if (failure.event == 0 && wrong_keys_ > 0) {
    --wrong_keys_;
    return Gone{.end = End::wrong_key, .address = std::move(gone.address)};
  }
  return Gone{.end = End::failed,
              .address = std::move(gone.address),
              .event = failure.event,
              .value = failure.value};
}

// Who has failed, or may be the one whose key has, never was one: it stood for another one, which
// is still there.
bool PeerLedger::was_peer(Connection& gone, const Failure& failure) {
  if (!gone.is_peer || (failure.event == 0 && wrong_keys_ == 0)) return gone.is_peer;
  const auto other = std::ranges::find(connections_, false, &Connection::is_peer);
  if (other == connections_.end()) return true;
  other->is_peer = true;
  return false;
}

}  // namespace fifomq::zeromq
