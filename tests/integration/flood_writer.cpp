// flood_writer ENDPOINT WRITER COUNT: sends COUNT messages of writer number WRITER.
#include <exception>
#include <iostream>
#include <string>

#include <fifomq/builtin.hpp>

#include "flood.hpp"

namespace {

int send_all(const std::string& endpoint, std::uint32_t writer, std::uint32_t count) {
  constexpr std::chrono::minutes kPatience{4};
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto sender = registry.open_sender(endpoint);
  std::vector<std::byte> payload;
  for (std::uint32_t number = 1; number <= count; ++number) {
    flood::fill({.writer = writer, .number = number}, payload);
    fifomq::MessageView message;
    message.payload = payload;
    const auto result = sender->send(message, fifomq::Deadline::after(kPatience));
    if (result != fifomq::SendResult::sent) {
      std::cerr << "message " << number << ": " << fifomq::to_string(result) << "\n";
      return 1;
    }
  }
  return sender->flush(fifomq::Deadline::after(kPatience)) == fifomq::SendResult::sent ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("usage: flood_writer ENDPOINT WRITER COUNT");
    return send_all(argv[1], static_cast<std::uint32_t>(std::stoul(argv[2])),
                    static_cast<std::uint32_t>(std::stoul(argv[3])));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
