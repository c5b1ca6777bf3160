#include <string>
#include <utility>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>

namespace fifomq {
namespace {

// Between two batches the runner looks at signals and timers.
constexpr std::size_t kBatch = 256;

}  // namespace

Relay::Relay(Receiver& from, Sender& to, RelayOptions options)
    : from_(from), to_(to), options_(std::move(options)) {}

std::size_t Relay::step() {
  std::size_t taken = 0;
  MessageView message;
  while (taken < kBatch && !ended_) {
    const ReceiveResult result = from_.receive(message, Deadline::now());
    if (result == ReceiveResult::timed_out) break;
    if (result != ReceiveResult::received || !forward(message)) {
      ended_ = true;
      break;
    }
    ++taken;
  }
  commit();
  return taken;
}

// False when the relay has come to its end.
bool Relay::forward(const MessageView& message) {
  MessageView onward = message;
  const bool unknown = message.origin.value_or(Origin{}).writer == 0;
  if (options_.stamps_origin && unknown) onward.origin.reset();
  if (options_.counts_as_hop && onward.hops++ >= kMaxHops) {
    put_aside(hop_limit_);
    return true;
  }
  try {
    return accept(send(onward));
  } catch (const Error& error) {
    if (error.errc() != Errc::too_large && error.errc() != Errc::not_representable) throw;
    if (options_.log && refused_ == 0) {
      options_.log(
          LogLevel::warning,
          std::string("a message is left out, and others like it will be: ") + error.what());
    }
    put_aside(refused_);
    return true;
  }
}

SendResult Relay::send(const MessageView& message) {
  const Deadline deadline =
      options_.patience ? Deadline::after(*options_.patience) : Deadline::never();
  if (!options_.check_in) return to_.send(message, deadline);
  for (unsigned tries = 0;; ++tries) {
    const SendResult result = to_.send(message, earlier(deadline, options_.check_in(tries)));
    const bool waits = result == SendResult::timed_out || result == SendResult::no_peer;
    if (!waits || deadline.expired()) return result;
  }
}

bool Relay::accept(SendResult result) {
  if (result == SendResult::sent || result == SendResult::dropped) {
    ++relayed_;
    return true;
  }
  ++unsent_;
  if (result != SendResult::closed) failed_ = result;
  return false;
}

void Relay::put_aside(std::uint64_t& counter) {
  ++counter;
  aside_.push_back(relayed_);
}

void Relay::commit() {
  const std::uint64_t settled = to_.settled();
  while (!aside_.empty() && aside_.front() <= settled) {
    aside_.pop_front();
    ++aside_settled_;
  }
  committed_ = settled + aside_settled_;
  from_.commit(committed_);
}

}  // namespace fifomq
