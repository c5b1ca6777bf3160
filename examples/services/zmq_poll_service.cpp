// zmq_poll_service IN CONTROL: a program that has ZeroMQ sockets of its own, and a channel beside
// them in one zmq_poll. It counts what comes out of IN; whoever asks CONTROL (a REQ socket) for
// "count" is told, and "stop" ends it.
//   zmq_poll_service fifo:./in ipc://control.sock
#include <zmq.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include <fifomq/builtin.hpp>

namespace {

constexpr int kShare =
    64;  // messages in one turn of the loop, so that CONTROL is served under any load

// What has come and could be taken without waiting.
std::uint64_t take(fifomq::Receiver& in) {
  fifomq::MessageView message;
  std::uint64_t taken = 0;
  while (taken < kShare &&
         in.receive(message, fifomq::Deadline::now()) == fifomq::ReceiveResult::received)
    ++taken;
  return taken;
}

// False when it was told to stop.
bool answer(zmq::socket_t& control, std::uint64_t count) {
  zmq::message_t request;
  if (!control.recv(request, zmq::recv_flags::dontwait)) return true;
  const bool stop = request.to_string_view() == "stop";
  control.send(zmq::buffer(std::to_string(count)), zmq::send_flags::none);
  return !stop;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: zmq_poll_service IN CONTROL\n";
    return 2;
  }
  const fifomq::Registry transports = fifomq::builtin_transports();
  const auto in = transports.open_receiver(argv[1]);
  zmq::context_t context;
  zmq::socket_t control(context, zmq::socket_type::rep);
  control.bind(argv[2]);

  // A channel is waited for by its descriptor, a socket by its handle.
  std::array<zmq::pollitem_t, 2> items{
      {{nullptr, in->poll_fd(), ZMQ_POLLIN, 0}, {control.handle(), 0, ZMQ_POLLIN, 0}}};
  std::uint64_t count = 0;
  do {
    zmq::poll(items);
    count += take(*in);
  } while (answer(control, count));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "zmq_poll_service: " << error.what() << "\n";
  return 2;
}
