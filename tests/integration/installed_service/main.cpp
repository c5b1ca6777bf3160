// service ENDPOINT...: sends itself a message over each endpoint, and says what came back.
#include <chrono>
#include <exception>
#include <iostream>
#include <string>

#ifdef CORE_ALONE
#include <fifomq/transports/core.hpp>
#else
#include <fifomq/builtin.hpp>
#endif
#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>
#include <fifomq/version.hpp>

namespace {

fifomq::Registry transports() {
#ifdef CORE_ALONE
  fifomq::Registry registry;
  fifomq::add_core_transports(registry);
  return registry;
#else
  return fifomq::builtin_transports();
#endif
}

bool passes(const fifomq::Registry& registry, const std::string& endpoint) {
  const auto deadline = fifomq::Deadline::after(std::chrono::seconds(30));
  const auto receiver = registry.open_receiver(endpoint);
  const auto sender = registry.open_sender(endpoint);
  fifomq::MessageView sent;
  sent.topic = "greeting";
  sent.payload = fifomq::as_byte_view("hello over ");
  if (sender->send(sent, deadline) != fifomq::SendResult::sent) return false;
  fifomq::MessageView message;
  if (receiver->receive(message, deadline) != fifomq::ReceiveResult::received) return false;
  std::cout << message.topic << ": " << fifomq::as_text(message.payload) << endpoint << "\n";
  return message.origin->sequence == 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::cout << "fifomq " << fifomq::kVersion << ", " << fifomq::kMaxHops << " hops\n";
    const fifomq::Registry registry = transports();
    for (int i = 1; i < argc; ++i) {
      if (!passes(registry, argv[i])) return 1;
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
