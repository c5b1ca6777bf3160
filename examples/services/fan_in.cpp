// fan_in ENDPOINT WRITERS MESSAGES: starts so many processes that each send so many messages into
// one channel, receives them all, and checks by their origin that each writer's came once and in
// order.
//   fan_in fifo:./in 8 10000
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>

#include <fifomq/builtin.hpp>

namespace {

// Longer than any pause of processes that are alive.
constexpr std::chrono::seconds kPatience{20};

// A writer opens its own end; what it opens is numbered 1, 2, 3 ... under an id of its own.
bool write_all(const char* endpoint, std::uint64_t messages) {
  const fifomq::Registry transports = fifomq::builtin_transports();
  const auto sender = transports.open_sender(endpoint);
  for (std::uint64_t i = 1; i <= messages; ++i) {
    const std::string text = std::to_string(i);
    const auto sent =
        sender->send({.payload = fifomq::as_byte_view(text)}, fifomq::Deadline::after(kPatience));
    if (sent != fifomq::SendResult::sent) return false;
  }
  // What was sent may still be gathered in this process.
  return sender->flush(fifomq::Deadline::after(kPatience)) == fifomq::SendResult::sent;
}

void start_writer(const char* endpoint, std::uint64_t messages) {
  if (fork() != 0) return;
  int status = EXIT_FAILURE;
  try {
    if (write_all(endpoint, messages)) status = EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << "fan_in: a writer: " << error.what() << "\n";
  }
  _exit(status);
}

// True when all came, each writer's in order.
bool receive_all(fifomq::Receiver& receiver, std::uint64_t writers, std::uint64_t messages) {
  std::map<std::uint64_t, std::uint64_t> last;  // sequence number, by writer
  fifomq::MessageView message;
  for (std::uint64_t left = writers * messages; left > 0; --left) {
    const auto result = receiver.receive(message, fifomq::Deadline::after(kPatience));
    if (result != fifomq::ReceiveResult::received) {
      std::cerr << "fan_in: " << left << " have not come: " << fifomq::to_string(result) << "\n";
      return false;
    }
    const std::uint64_t sequence = ++last[message.origin->writer];
    if (message.origin->sequence != sequence ||
        fifomq::as_text(message.payload) != std::to_string(sequence)) {
      std::cerr << "fan_in: message " << message.origin->sequence
                << " of a writer came as its number " << sequence << "\n";
      return false;
    }
  }
  std::cout << writers * messages << " messages of " << last.size() << " writers, "
            << receiver.counters().sequence_gaps << " gaps\n";
  return last.size() == writers && receiver.counters().sequence_gaps == 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::cerr << "usage: fan_in ENDPOINT WRITERS MESSAGES\n";
    return 2;
  }
  const std::uint64_t writers = std::stoul(argv[2]);
  const std::uint64_t messages = std::stoul(argv[3]);
  // The children are there before anything is open that a child must not use.
  for (std::uint64_t i = 0; i < writers; ++i) start_writer(argv[1], messages);

  const fifomq::Registry transports = fifomq::builtin_transports();
  const auto receiver = transports.open_receiver(argv[1]);
  bool good = receive_all(*receiver, writers, messages);
  int status = 0;
  while (wait(&status) > 0) good = good && status == 0;
  return good ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "fan_in: " << error.what() << "\n";
  return 2;
}
