#include "core/stream_sender.hpp"

#include <algorithm>

#include "core/identity.hpp"
#include "core/send_errors.hpp"

namespace fifomq::core {

StreamSender::StreamSender(Endpoint endpoint, Capabilities capabilities,
                           std::unique_ptr<ByteSink> sink, std::unique_ptr<Encoder> encoder,
                           std::uint64_t max_message)
    : endpoint_(std::move(endpoint)),
      capabilities_(capabilities),
      max_message_(max_message),
      readiness_(endpoint_.text()),
      sink_(std::move(sink)),
      encoder_(std::move(encoder)),
      fork_generation_(fork_generation()) {
  sink_->attach(readiness_);
}

// What is owed is worth one try; a copy of the sender in a forked child owes nothing.
StreamSender::~StreamSender() {
  notice_fork();
  try {
    while (!owed_.empty()) {
      const IoResult result = sink_->write(owed_.view().first(std::min(owed_.size(), kPieceBytes)));
      if (result.status != IoStatus::done) break;
      owed_.drop_front(result.count);
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): there is nobody left to tell
  }
}

Counters StreamSender::counters() const {
  Counters all = counters_;
  all.messages_pending = owes_message_ ? 1 : 0;
  all.messages_delivered = all.messages_received - all.messages_pending;
  return all;
}

std::uint64_t StreamSender::settled() const { return counters().messages_delivered; }

SendResult StreamSender::send(const MessageView& message, Deadline deadline) {
  check_size(message, max_message_, endpoint_);
  notice_fork();
  if (const SendResult earlier = flush(deadline); earlier != SendResult::sent) return earlier;
  if (!encoder_->begin(message)) {
    throw not_representable(encoder_->refusal(), endpoint_);
  }
  bool begun = false;
  for (ByteView piece = encoder_->next_piece(); !piece.empty(); piece = encoder_->next_piece()) {
    std::size_t written = 0;
    const SendResult result = write(piece, deadline, written);
    begun |= written > 0;
    if (result == SendResult::sent) continue;
    if (begun) return give_up(result, piece, written);
    encoder_->forget();
    return result;
  }
  ++counters_.messages_received;
  return SendResult::sent;
}

SendResult StreamSender::flush(Deadline deadline) {
  if (readiness_.closed()) return SendResult::closed;
  while (!owed_.empty()) {
    std::size_t written = 0;
    const SendResult result =
        write(owed_.view().first(std::min(owed_.size(), kPieceBytes)), deadline, written);
    owed_.drop_front(written);
    if (result != SendResult::sent) return result;
  }
  owes_message_ = false;
  return SendResult::sent;
}

// The child of a fork writes as somebody else, and what its parent had half written is the
// parent's.
void StreamSender::notice_fork() {
  if (fork_generation_ == fork_generation()) return;
  fork_generation_ = fork_generation();
  encoder_->renew_identity();
  owed_.clear();
  owes_message_ = false;
}

SendResult StreamSender::write(ByteView bytes, Deadline deadline, std::size_t& written) {
  while (written < bytes.size()) {
    const IoResult result = sink_->write(bytes.subspan(written));
    if (result.status == IoStatus::done) {
      written += result.count;
      counters_.bytes_out += result.count;
      continue;
    }
    if (result.status == IoStatus::failed) {
      throw system_error(result.error, endpoint_.text(), "write");
    }
    if (readiness_.closed()) return SendResult::closed;
    if (!readiness_.wait(deadline)) {
      return result.status == IoStatus::no_peer ? SendResult::no_peer : SendResult::timed_out;
    }
    if (readiness_.closed()) return SendResult::closed;
  }
  return SendResult::sent;
}

// The message has begun to leave and cannot go on: it is cancelled behind what has left of it, or,
// where the framing cannot cancel, kept to be finished later.
SendResult StreamSender::give_up(SendResult why, ByteView piece, std::size_t written) {
  if (written > 0) owed_.append(piece.subspan(written));
  const Remainder remainder = encoder_->abandon(written > 0);
  owed_.append(remainder.bytes);
  if (!remainder.completes) {
    ++counters_.abandoned;
    return why;
  }
  ++counters_.messages_received;
  owes_message_ = true;
  return SendResult::sent;
}

}  // namespace fifomq::core
