#include "observed_sender.hpp"

namespace fifomq {
namespace {

// A message of this size leaves in one piece: a try that finds no room leaves nothing of it behind.
// A larger one might be begun, and cancelled for having been tried.
constexpr std::size_t kOnePiece = 3072;

bool is_small(const MessageView& message) {
  return message.payload.size() + message.topic.size() + message.type.size() +
             message.unknown_fields.size() <=
         kOnePiece;
}

bool would_wait(SendResult result) {
  return result == SendResult::timed_out || result == SendResult::no_peer;
}

std::chrono::duration<double> age_of(const MessageView& message) {
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  const Nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  return now - Nanoseconds(static_cast<double>(message.sent_unix_nanos));
}

}  // namespace

SendResult ObservedSender::send(const MessageView& message, Deadline deadline) {
  if (status_.asked()) status_.answer();
  const SendResult result = forward(message, deadline);
  if (message.sent_unix_nanos != 0 && result == SendResult::sent) {
    status_.add_latency(age_of(message));
  }
  return result;
}

// What is told before a call that waits costs less than such a call, or than the copying of a large
// message.
SendResult ObservedSender::forward(const MessageView& message, Deadline deadline) {
  if (is_small(message)) {
    const SendResult result = to().send(message, Deadline::now());
    if (!would_wait(result) || deadline.expired()) return result;
  }
  const RelayStatus::Waiting waiting(status_);
  return to().send(message, deadline);
}

SendResult ObservedSender::flush(Deadline deadline) {
  if (status_.asked()) status_.answer();
  const SendResult result = to().flush(Deadline::now());
  if (!would_wait(result) || deadline.expired()) return result;
  const RelayStatus::Waiting waiting(status_);
  return to().flush(deadline);
}

}  // namespace fifomq
