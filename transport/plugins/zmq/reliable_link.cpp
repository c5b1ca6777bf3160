#include "reliable_link.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "core/identity.hpp"

namespace fifomq::zeromq {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{64} << 10;
// What keeping a message costs beside its bytes.
constexpr std::uint64_t kKeepingBytes = 256;
// DATA that libzmq has and has not given to the kernel. Few, so that little goes out in vain when
// the connection breaks.
constexpr std::size_t kMostLeaving = 4;
// Between two looks at what came in while there is room.
constexpr auto kLookInterval = std::chrono::milliseconds(1);
// Without an answer the receiver is asked, at first and at last.
constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kMostPatience = std::chrono::seconds(60);

}  // namespace

ReliableLink::ReliableLink(std::shared_ptr<Context> context, const ZmqOptions& options,
                           const LogSink& log)
    : credit_(options.credit),
      socket_(std::move(context), options, zmq::socket_type::dealer, Direction::send, log),
      shown_(options.endpoint),
      bodies_(InFlight::open(socket_.readiness())),
      headers_(InFlight::open(socket_.readiness())),
      outbox_(core::random_id64()),
      batch_(*bodies_, kBatchBytes, Batch::Topics::any),
      patience_(kPatience) {
  shown_.watch(fd(), EPOLLIN);
}

// Memory is bounded; but one message may be larger than the bound.
bool ReliableLink::has_room(std::size_t bytes) const {
  if (batch_.has_room(bytes)) return true;
  const std::uint64_t kept = outbox_.memory() + (batch_.empty() ? 0 : kBatchBytes);
  return kept == 0 || kept + std::max<std::uint64_t>(bytes + kKeepingBytes, kBatchBytes) <= credit_;
}

void ReliableLink::accept(const core::FrameBody& message) {
  const bool at_once = nothing_leaves();
  if (batch_.empty() && at_once) {
    keep_alone(message);
  } else {
    Batch::Fit fit = batch_.append(message, {});
    if (fit != Batch::Fit::appended) finish_batch();
    if (fit == Batch::Fit::not_now) fit = batch_.append(message, {});
    if (fit == Batch::Fit::never) keep_alone(message);
    if (at_once) finish_batch();
  }
  if (transmit()) show_what_came();
}

// In no more memory than it needs.
void ReliableLink::keep_alone(const core::FrameBody& message) {
  const std::size_t bytes = message.delimited_size();
  zmq::message_t alone;
  message.write_delimited(bodies_->make(alone, bytes));
  outbox_.keep(std::move(alone), 1, bytes, bytes + kKeepingBytes);
}

void ReliableLink::finish_batch() {
  if (batch_.empty()) return;
  const std::uint64_t messages = batch_.messages();
  zmq::message_t body;
  const auto [bytes, memory] = batch_.finish(body);
  outbox_.keep(std::move(body), messages, bytes, memory + kKeepingBytes);
}

bool ReliableLink::drive() {
  const auto now = Clock::now();
  looked_at_ = now;
  socket_.readiness().clear();
  const bool was_there = peer_there();
  socket_.peers().update();
  const std::uint64_t seen = socket_.peers().peers_seen();
  if (seen != std::exchange(peers_seen_, seen)) greet_newcomer(now);
  const bool heard = take_in(now);
  ask_again(now);
  const bool sent = transmit();
  show_what_came();
  return heard || sent || was_there != peer_there();
}

// When libzmq is called it may take note of a message that has come, which its descriptor then does
// not show any more.
void ReliableLink::show_what_came() {
  if ((socket_.events() & ZMQ_POLLIN) != 0) socket_.readiness().signal();
}

void ReliableLink::drive_now_and_then() {
  if (Clock::now() - looked_at_ >= kLookInterval) drive();
}

void ReliableLink::greet_newcomer(Clock::time_point now) {
  outbox_.begin_epoch();
  patience_ = kPatience;
  asked_at_ = now;
}

bool ReliableLink::take_in(Clock::time_point now) {
  bool heard = false;
  zmq::message_t part;
  while (receive_now(socket_.zmq(), part)) {
    Header header;
    if (parse({part.data<std::byte>(), part.size()}, header)) outbox_.take(header);
    while (part.more()) receive_now(socket_.zmq(), part);
    heard = true;
  }
  if (!heard) return false;
  patience_ = kPatience;
  asked_at_ = now;
  return true;
}

void ReliableLink::ask_again(Clock::time_point now) {
  if (!awaits_answer()) {
    asked_at_ = now;
  } else if (now - asked_at_ >= patience_) {
    // Where there is no room for it, too: the next one will do.
    say(outbox_.ping());
    asked_at_ = now;
    patience_ = std::min<Clock::duration>(patience_ * 2, kMostPatience);
  }
}

Deadline ReliableLink::next_question() const {
  return awaits_answer() ? Deadline::at(asked_at_ + patience_) : Deadline::never();
}

// Only to who is there: libzmq would keep it for who comes, in front of the HELLO.
bool ReliableLink::transmit() {
  if (!peer_there()) return false;
  if (const auto reply = outbox_.reply()) {
    if (!say(*reply)) return false;
    outbox_.replied();
  }
  bool sent = false;
  while (headers_->within(kMostLeaving * kDataHeaderBytes - 1) && transmit_next()) sent = true;
  return sent;
}

// The parts of a message meet the same high-water mark, so the second one is never refused.
bool ReliableLink::transmit_next() {
  auto* const parcel = outbox_.next();
  if (parcel == nullptr) return false;
  zmq::message_t header;
  write_data_header(outbox_.stream(), parcel->first, headers_->draft(kDataHeaderBytes));
  headers_->finish_draft(header, kDataHeaderBytes, outbox_.new_messages(*parcel));
  zmq::message_t body;
  body.copy(parcel->body);
  if (!send_now(socket_.zmq(), header, zmq::send_flags::sndmore)) {
    headers_->withdraw_latest();
    return false;
  }
  bytes_out_ += body.size();
  send_now(socket_.zmq(), body, zmq::send_flags::none);
  outbox_.next_is_sent();
  return true;
}

bool ReliableLink::say(const Header& header) {
  serialize(header, said_);
  zmq::message_t part(said_);
  return send_now(socket_.zmq(), part, zmq::send_flags::none);
}

Counters ReliableLink::counters() {
  socket_.peers().update();
  Counters all;
  all.messages_received = accepted();
  all.messages_pending = accepted() - outbox_.sent() + headers_->messages();
  all.messages_delivered = all.messages_received - all.messages_pending;
  all.bytes_out = bytes_out_;
  socket_.count_peers(all);
  return all;
}

void ReliableLink::linger(Deadline deadline) {
  socket_.peers().wait_for_kernel(deadline);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.remaining());
  socket_.zmq().set(zmq::sockopt::linger, static_cast<int>(left.count()));
}

}  // namespace fifomq::zeromq
