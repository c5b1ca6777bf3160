#include "reliable_receiver.hpp"

#include <cstring>
#include <utility>

#include <fifomq/error.hpp>

#include "core/frame_batch.hpp"

namespace fifomq::zeromq {
namespace {

// While a batch is handed out, senders hear no more often what is committed.
constexpr std::chrono::milliseconds kBetweenAcks{1};
// At the end, for the last acknowledgements to leave.
constexpr std::chrono::milliseconds kLastAnswers{1000};

}  // namespace

ReliableReceiver::ReliableReceiver(Endpoint endpoint, const ZmqOptions& options,
                                   std::shared_ptr<Context> context, const OpenOptions& open)
    : SocketReceiver(std::move(endpoint), options, std::move(context), zmq::socket_type::router,
                     open),
      explicit_commit_(open.explicit_commit),
      inbox_(options.credit),
      leaving_(options.endpoint),
      answers_(InFlight::open(leaving_)) {}

ReliableReceiver::~ReliableReceiver() {
  try {
    acknowledge();
    const Deadline deadline = Deadline::after(kLastAnswers);
    wait_for_answers(deadline);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline.remaining());
    zmq().set(zmq::sockopt::linger, static_cast<int>(left.count()));
  } catch (...) {  // NOLINT(bugprone-empty-catch): what was not told comes again
  }
}

// The senders are to hear what is committed before they hear of the receiver that comes next, to
// which they would otherwise send it again.
void ReliableReceiver::wait_for_answers(Deadline deadline) {
  answers_->notify_at(0);
  while (peers().peers() > 0 && answers_->messages() > 0) {
    if (!leaving_.wait(deadline)) return;
    leaving_.clear();
    peers().update();
  }
  peers().wait_for_kernel(deadline);
}

Capabilities ReliableReceiver::capabilities() const {
  Capabilities capabilities = capabilities_of(options(), Direction::receive);
  capabilities.explicit_commit = explicit_commit_;
  return capabilities;
}

void ReliableReceiver::commit(std::uint64_t n) {
  if (!explicit_commit_) return;
  inbox_.commit(n);
  try {
    acknowledge_in_time();
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint().text(), "acknowledge");
  }
}

ReliableReceiver::Attempt ReliableReceiver::attempt(MessageView& message) {
  if (batch_.empty()) {
    const Attempt taken = take_parts();
    if (taken != Attempt::message) return taken;
  }
  return next_of_batch(message);
}

// `message`: a batch is there.
ReliableReceiver::Attempt ReliableReceiver::take_parts() {
  if (!receive_now(zmq(), route_)) return Attempt::nothing;
  std::size_t parts = 1;
  zmq::message_t surplus;
  for (bool more = route_.more(); more; ++parts) {
    zmq::message_t& part = parts == 1 ? header_ : parts == 2 ? body_ : surplus;
    receive_now(zmq(), part);
    more = part.more();
  }
  Header header;
  const bool is_header = parts >= 2 && parse(bytes_of(header_), header);
  if (is_header && header.kind == Header::Kind::other) return Attempt::refused;
  const std::size_t expected = header.kind == Header::Kind::data ? 3 : 2;
  if (!is_header || parts != expected) {
    ++counts().messages_received;
    refuse(&Counters::undecodable, "a message is none of this protocol's");
    return Attempt::refused;
  }
  const std::string_view route = as_text(bytes_of(route_));
  if (header.kind != Header::Kind::data) {
    if (const auto reply = inbox_.take(header, route)) answer(*reply, route);
    return Attempt::refused;
  }
  std::optional<Header> reply;
  stream_ = inbox_.open(header, reply);
  if (reply) answer(*reply, route);
  if (!stream_) return Attempt::refused;
  batch_ = bytes_of(body_);
  sequence_ = header.sequence;
  return Attempt::message;
}

ReliableReceiver::Attempt ReliableReceiver::next_of_batch(MessageView& message) {
  while (!batch_.empty()) {
    const auto body = core::take_from_batch(batch_);
    if (!body) {
      ++counts().messages_received;
      refuse(&Counters::undecodable, core::kBatchCutOff);
      return Attempt::refused;
    }
    if (sequence_++ < stream_->next) continue;  // it was had before
    ++counts().messages_received;
    if (!reader().read(*body, message, counts())) {
      inbox_.drop(*stream_);
      acknowledge_in_time();
      return Attempt::refused;
    }
    hand_out(message);
    return Attempt::message;
  }
  return Attempt::refused;
}

void ReliableReceiver::hand_out(const MessageView& message) {
  inbox_.hand_out(*stream_);
  ++counts().messages_delivered;
  counts().sequence_gaps += writers_.missing_before(*message.origin);
  if (explicit_commit_) return;
  inbox_.commit(inbox_.handed_out());
  acknowledge_in_time();
}

// Where the sender's queue is full, it is dropped: the sender asks again.
void ReliableReceiver::answer(const Header& header, std::string_view route) {
  if (header.kind == Header::Kind::refused) reader().say(header.reason);
  serialize(header, said_);
  zmq::message_t to(route);
  zmq::message_t part;
  std::memcpy(answers_->make(part, said_.size()), said_.data(), said_.size());
  if (!send_now(zmq(), to, zmq::send_flags::sndmore)) return;
  send_now(zmq(), part, zmq::send_flags::none);
}

void ReliableReceiver::acknowledge() {
  if (!inbox_.owes_acks()) return;
  inbox_.acknowledge([this](const Header& ack, std::string_view route) { answer(ack, route); });
}

// One for a batch, and for who takes his time one for each message.
void ReliableReceiver::acknowledge_in_time() {
  if (!inbox_.owes_acks()) return;
  const auto now = Clock::now();
  if (!batch_.empty() && now - acknowledged_at_ < kBetweenAcks) return;
  acknowledged_at_ = now;
  acknowledge();
}

}  // namespace fifomq::zeromq
