// hello RECEIVE [SEND]: sends itself a message and prints it. Which transport that is, the
// endpoints say and nothing else:
//   hello memory:hello
//   hello fifo:./hello
//   hello zmq+pull:@ipc://hello.sock zmq+push:ipc://hello.sock
//   hello 'nats:hello@127.0.0.1:4222?stream=HELLO&create=queue'
#include <chrono>
#include <exception>
#include <iostream>

#include <fifomq/builtin.hpp>

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::cerr << "usage: hello RECEIVE [SEND]\n";
    return 2;
  }
  const fifomq::Registry transports = fifomq::builtin_transports();
  const auto receiver = transports.open_receiver(argv[1]);
  const auto sender = transports.open_sender(argv[argc > 2 ? 2 : 1]);
  const auto deadline = fifomq::Deadline::after(std::chrono::seconds(10));

  const auto sent =
      sender->send({.payload = fifomq::as_byte_view("hello"), .topic = "greeting"}, deadline);
  if (sent != fifomq::SendResult::sent) {
    std::cerr << "hello: not sent: " << fifomq::to_string(sent) << "\n";
    return 1;
  }
  fifomq::MessageView message;
  const auto result = receiver->receive(message, deadline);
  if (result != fifomq::ReceiveResult::received) {
    std::cerr << "hello: nothing received: " << fifomq::to_string(result) << "\n";
    return 1;
  }
  std::cout << message.topic << ": " << fifomq::as_text(message.payload) << "\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "hello: " << error.what() << "\n";
  return 2;
}
