// flood_checker ENDPOINT WRITERS COUNT: receives COUNT messages of each writer 0 ... WRITERS-1,
// and fails on the first that is lost, mixed, repeated or out of its writer's order.
#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include <fifomq/builtin.hpp>

#include "flood.hpp"

namespace {

class Checker {
 public:
  Checker(std::size_t writers, std::uint32_t count) : count_(count), received_(writers) {}

  // Throws what is wrong with the message.
  void take(const fifomq::MessageView& message) {
    flood::Header header;
    if (message.payload.size() < sizeof header) throw std::runtime_error("a message was cut");
    std::memcpy(&header, message.payload.data(), sizeof header);
    const std::string name =
        "writer " + std::to_string(header.writer) + " message " + std::to_string(header.number);
    if (header.writer >= received_.size()) throw std::runtime_error(name + ": no such writer");
    std::uint32_t& before = received_[header.writer];
    if (header.number != before + 1) {
      throw std::runtime_error(name + " came after message " + std::to_string(before));
    }
    flood::fill(header, expected_);
    if (!std::ranges::equal(expected_, message.payload)) {
      throw std::runtime_error(name + ": other bytes than were sent");
    }
    // The library numbers a writer's messages as the flood does.
    if (message.origin->writer == 0 || message.origin->sequence != header.number) {
      throw std::runtime_error(name + ": its origin has not come along");
    }
    ++before;
  }

  bool complete() const {
    return std::ranges::all_of(received_, [this](auto number) { return number == count_; });
  }

  std::string progress() const {
    std::string text = "received";
    for (const std::uint32_t number : received_) text += " " + std::to_string(number);
    return text;
  }

 private:
  std::uint32_t count_;
  std::vector<std::uint32_t> received_;
  std::vector<std::byte> expected_;
};

void check_all(const std::string& endpoint, Checker& checker) {
  constexpr std::chrono::minutes kPatience{4};
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto receiver = registry.open_receiver(endpoint);
  fifomq::MessageView message;
  while (!checker.complete()) {
    const auto result = receiver->receive(message, fifomq::Deadline::after(kPatience));
    if (result != fifomq::ReceiveResult::received) {
      throw std::runtime_error(fifomq::to_string(result) + (" after " + checker.progress()));
    }
    checker.take(message);
  }
  // Nothing may be left over, such as a message that came twice.
  if (receiver->receive(message, fifomq::Deadline::now()) == fifomq::ReceiveResult::received) {
    throw std::runtime_error("more messages came than were sent");
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 4) throw std::invalid_argument("usage: flood_checker ENDPOINT WRITERS COUNT");
    Checker checker(std::stoul(argv[2]), static_cast<std::uint32_t>(std::stoul(argv[3])));
    check_all(argv[1], checker);
    std::cout << checker.progress() << std::endl;
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
