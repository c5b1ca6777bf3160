// typed RECEIVE [SEND]: Protobuf classes over any channel. Two types share one, and the receiver
// tells them apart.
//   typed fifo:./readings
#include <chrono>
#include <exception>
#include <iostream>

#include <fifomq/builtin.hpp>
#include <fifomq/typed.hpp>

#include "messages.pb.h"

using example::v1::Alarm;
using example::v1::Reading;

namespace {

bool send_both(fifomq::Sender& sender, fifomq::Deadline deadline) {
  Reading reading;
  reading.set_sensor("cellar");
  reading.set_celsius(11.5);
  Alarm alarm;
  alarm.set_text("water in the cellar");
  return fifomq::send(sender, reading, deadline, "house/cellar") == fifomq::SendResult::sent &&
         fifomq::send(sender, alarm, deadline) == fifomq::SendResult::sent;
}

// Where one type alone is expected: fifomq::receive(receiver, reading, deadline).
void print(const fifomq::MessageView& message) {
  if (message.type == Reading::descriptor()->full_name()) {
    Reading reading;
    fifomq::decode(message, reading);
    std::cout << message.topic << ": " << reading.sensor() << " " << reading.celsius() << "\n";
  } else if (message.type == Alarm::descriptor()->full_name()) {
    Alarm alarm;
    fifomq::decode(message, alarm);
    std::cout << "alarm: " << alarm.text() << "\n";
  } else {
    std::cerr << "typed: left out a message of type '" << message.type << "'\n";
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::cerr << "usage: typed RECEIVE [SEND]\n";
    return 2;
  }
  const fifomq::Registry transports = fifomq::builtin_transports();
  const auto receiver = transports.open_receiver(argv[1]);
  const auto sender = transports.open_sender(argv[argc > 2 ? 2 : 1]);
  const auto deadline = fifomq::Deadline::after(std::chrono::seconds(10));
  if (!send_both(*sender, deadline)) return 1;
  fifomq::MessageView message;
  for (int i = 0; i < 2; ++i) {
    if (receiver->receive(message, deadline) != fifomq::ReceiveResult::received) return 1;
    print(message);
  }
  return 0;
} catch (const std::exception& error) {
  std::cerr << "typed: " << error.what() << "\n";
  return 2;
}
