#include "observed_sender.hpp"

#include "message_age.hpp"

namespace fifomq {
namespace {

constexpr std::size_t kOnePiece = 3072;

}  // namespace

bool leaves_in_one_piece(const MessageView& message) {
  return message.payload.size() + message.topic.size() + message.type.size() +
             message.unknown_fields.size() <=
         kOnePiece;
}

SendResult ObservedSender::send(const MessageView& message, Deadline deadline) {
  if (status_.asked()) status_.answer();
  const SendResult result = forward(message, deadline);
  if (message.sent_unix_nanos != 0 && result == SendResult::sent) {
    status_.add_latency(age_of(message.sent_unix_nanos));
  }
  return result;
}

// What is told before a call that waits costs less than such a call, or than the copying of a large
// message.
SendResult ObservedSender::forward(const MessageView& message, Deadline deadline) {
  if (leaves_in_one_piece(message)) {
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
