// What an endpoint `zmq+TYPE:[@]ADDRESS?...` says.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

#include "core/frame.hpp"
#include "security.hpp"

namespace fifomq::zeromq {

enum class SocketType { push, pull, pub, sub, pair, reliable };

enum class Body {
  frame,    // one fifomq.v1.Frame
  payload,  // the bare payload
};

enum class OnFull {
  block,      // wait until the deadline
  drop_new,   // the message that finds no room
  drop_old,   // the one that has waited longest
  drop_slow,  // pub: for the subscriber that is slow, and only for it
  fail,       // throw Error (full)
};

struct ZmqOptions {
  SocketType type;
  std::string endpoint{};  // as it was given, for errors
  std::string address{};   // as libzmq takes it
  bool binds = false;
  Body body = Body::frame;
  std::string topic{};  // sub: prefix to subscribe to; sending: topic of messages that have none
  int high_water_mark = 1000;  // messages; 0 = no limit
  std::chrono::milliseconds linger{1000};
  OnFull on_full = OnFull::block;
  std::uint64_t wait_peers = 0;
  std::uint64_t max_message = 0;  // bytes
  std::uint64_t batch = 0;        // bytes in one ZeroMQ message; 0 = a message in each
  std::uint64_t credit = 0;       // reliable: bytes that are not acknowledged
  SecurityOptions security{};

  // Publishing carries the topic in a part of its own.
  bool has_topic_part() const { return type == SocketType::pub || type == SocketType::sub; }
};

std::span<const SchemeInfo> scheme_infos();

// Throws Error.
ZmqOptions parse_options(const Endpoint& endpoint);

// What a channel with these options can do.
Capabilities capabilities_of(const ZmqOptions& options, Direction direction);

// libzmq would delete whatever stands at an ipc path, or take the path over from the process that
// serves it. Throws Error (wrong_type, in_use) instead.
void check_ipc_path(const ZmqOptions& options);

}  // namespace fifomq::zeromq
