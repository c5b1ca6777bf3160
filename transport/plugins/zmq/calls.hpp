// Calls of libzmq, with its habits taken care of.
#pragma once

#include <zmq.hpp>

#include <cerrno>
#include <string>

#include <fifomq/error.hpp>
#include <fifomq/message.hpp>

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

inline ByteView bytes_of(const zmq::message_t& part) {
  return {part.data<std::byte>(), part.size()};
}

inline bool send_now(zmq::socket_t& socket, zmq::message_t& part, zmq::send_flags flags) {
  return uninterrupted(
      [&] { return socket.send(part, flags | zmq::send_flags::dontwait).has_value(); });
}

inline bool receive_now(zmq::socket_t& socket, zmq::message_t& part) {
  return uninterrupted([&] { return socket.recv(part, zmq::recv_flags::dontwait).has_value(); });
}

}  // namespace fifomq::zeromq
