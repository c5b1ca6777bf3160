// Requests with deadlines, over one channel for requests and one for replies:
//   requests serve fifo:./requests fifo:./replies
//   requests ask   fifo:./requests fifo:./replies      each line "MILLISECONDS TEXT" of standard
//   input is a request
// The deadline travels with the request, as wall clock time: the service leaves out what nobody
// waits for any more. Hosts' clocks must agree to much less than a deadline; on one host they do.
// Replies carry the request's id, so the client knows a reply that came too late for what it is.
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <random>
#include <sstream>
#include <string>

#include <fifomq/builtin.hpp>
#include <fifomq/typed.hpp>

#include "messages.pb.h"

using example::v1::Reply;
using example::v1::Request;
using std::chrono::nanoseconds;

namespace {

nanoseconds wall_clock() {
  return std::chrono::duration_cast<nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

void serve(fifomq::Receiver& requests, fifomq::Sender& replies) {
  Request request;
  while (fifomq::receive(requests, request, fifomq::Deadline::never()) ==
         fifomq::ReceiveResult::received) {
    const nanoseconds left = nanoseconds(request.deadline_unix_nanos()) - wall_clock();
    if (left <= nanoseconds::zero()) {
      std::cerr << "requests: left out '" << request.text() << "', which came too late\n";
      continue;
    }
    Reply reply;
    reply.set_id(request.id());
    reply.set_text("you said " + request.text());
    // A client that has gone, or reads no more, holds the others up no longer than it would have
    // waited itself.
    const auto sent = fifomq::send(replies, reply, fifomq::Deadline::after(left));
    if (sent != fifomq::SendResult::sent)
      std::cerr << "requests: no reply: " << fifomq::to_string(sent) << "\n";
  }
}

class Client {
 public:
  Client(fifomq::Sender& requests, fifomq::Receiver& replies)
      : requests_(requests), replies_(replies) {}

  std::string ask(const std::string& text, nanoseconds timeout) {
    const auto deadline = fifomq::Deadline::after(timeout);
    Request request;
    request.set_id(++id_);
    request.set_deadline_unix_nanos(static_cast<std::uint64_t>((wall_clock() + timeout).count()));
    request.set_text(text);
    const auto sent = fifomq::send(requests_, request, deadline);
    if (sent != fifomq::SendResult::sent)
      return std::string("not asked: ") + fifomq::to_string(sent);
    Reply reply;
    while (true) {
      const auto received = fifomq::receive(replies_, reply, deadline);
      if (received != fifomq::ReceiveResult::received)
        return std::string("no reply: ") + fifomq::to_string(received);
      if (reply.id() == id_) return reply.text();
      std::cerr << "requests: left out the late reply '" << reply.text() << "'\n";
    }
  }

 private:
  fifomq::Sender& requests_;
  fifomq::Receiver& replies_;
  // Begins anywhere, so that replies to a client that was here before are none of ours.
  std::uint64_t id_ = std::uint64_t{std::random_device{}()} << 32;
};

void ask_lines(Client& client) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::int64_t milliseconds = 0;
    std::string text;
    if (words >> milliseconds && std::getline(words >> std::ws, text)) {
      std::cout << client.ask(text, std::chrono::milliseconds(milliseconds)) << std::endl;
    } else {
      std::cerr << "requests: a line is MILLISECONDS TEXT, not '" << line << "'\n";
    }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string role = argc == 4 ? argv[1] : "";
  const fifomq::Registry transports = fifomq::builtin_transports();
  if (role == "serve") {
    const auto requests = transports.open_receiver(argv[2]);
    const auto replies = transports.open_sender(argv[3]);
    serve(*requests, *replies);
  } else if (role == "ask") {
    const auto requests = transports.open_sender(argv[2]);
    const auto replies = transports.open_receiver(argv[3]);
    Client client(*requests, *replies);
    ask_lines(client);
  } else {
    std::cerr << "usage: requests serve|ask REQUESTS REPLIES\n";
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "requests: " << error.what() << "\n";
  return 2;
}
