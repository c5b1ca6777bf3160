#include <fifomq/channel.hpp>

namespace fifomq {

// Here, so that each class has one home in a process.
Channel::~Channel() = default;
Sender::~Sender() = default;
Receiver::~Receiver() = default;

const char* to_string(SendResult result) noexcept {
  switch (result) {
    case SendResult::sent:
      return "sent";
    case SendResult::dropped:
      return "dropped";
    case SendResult::timed_out:
      return "timed_out";
    case SendResult::no_peer:
      return "no_peer";
    case SendResult::closed:
      return "closed";
  }
  return "unknown";
}

const char* to_string(ReceiveResult result) noexcept {
  switch (result) {
    case ReceiveResult::received:
      return "received";
    case ReceiveResult::timed_out:
      return "timed_out";
    case ReceiveResult::end_of_stream:
      return "end_of_stream";
    case ReceiveResult::closed:
      return "closed";
  }
  return "unknown";
}

Sender::Many Sender::send_many(std::span<const MessageView> messages, Deadline deadline) {
  std::size_t accepted = 0;
  for (const MessageView& message : messages) {
    const SendResult result = send(message, deadline);
    if (result != SendResult::sent && result != SendResult::dropped) return {accepted, result};
    ++accepted;
  }
  return {accepted, flush(deadline)};
}

}  // namespace fifomq
