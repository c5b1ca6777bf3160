#include <string>
#include <utility>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>

namespace fifomq {
namespace {

// Between two batches the runner looks at signals and timers.
constexpr std::size_t kBatch = 256;

}  // namespace

DeadLetters::~DeadLetters() = default;

Relay::Relay(Receiver& from, Sender& to, RelayOptions options)
    : from_(from), to_(to), options_(std::move(options)) {}

std::size_t Relay::step() {
  std::size_t taken = 0;
  while (taken < kBatch && !ended_) {
    if (!is_in_hand_) {
      const ReceiveResult result = from_.receive(in_hand_, Deadline::now());
      if (result == ReceiveResult::timed_out) break;
      is_in_hand_ = result == ReceiveResult::received;
    }
    // What throws leaves it in hand, for the next step.
    ended_ = !is_in_hand_ || !forward(in_hand_);
    is_in_hand_ = false;
    taken += ended_ ? 0 : 1;
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
    put_aside(message, hop_limit_);
    return true;
  }
  try {
    return accept(send(onward));
  } catch (const Error& error) {
    const bool too_large = error.errc() == Errc::too_large;
    if (!too_large && error.errc() != Errc::not_representable) throw;
    if (options_.log && refused() == 0) tell_of_refusal(error.what());
    put_aside(message, too_large ? too_large_ : not_representable_);
    return true;
  }
}

void Relay::tell_of_refusal(const char* why) const {
  options_.log(
      LogLevel::warning,
      (options_.dead_letters ? "a message goes to the dead letters, and others like it will: "
                             : "a message is left out, and others like it will be: ") +
          std::string(why));
}

SendResult Relay::send(const MessageView& message) {
  const Deadline deadline =
      options_.patience ? Deadline::after(*options_.patience) : Deadline::never();
  if (!options_.check_in) return to_.send(message, deadline);
  for (unsigned tries = 0;; ++tries) {
    const Deadline until = earlier(deadline, options_.check_in(message, tries));
    const SendResult result = to_.send(message, until);
    if (!would_wait(result) || deadline.expired()) return result;
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

void Relay::put_aside(const MessageView& message, std::uint64_t& counter) {
  aside_.push_back(relayed_);
  if (options_.dead_letters) {
    letters_owe_sync_ = true;
    try {
      options_.dead_letters->put(message);
    } catch (...) {
      aside_.pop_back();
      throw;
    }
    ++dead_letters_;
  }
  ++counter;
}

void Relay::commit() {
  // Once for a whole batch.
  if (letters_owe_sync_) {
    options_.dead_letters->sync();
    letters_owe_sync_ = false;
  }
  const std::uint64_t settled = to_.settled();
  while (!aside_.empty() && aside_.front() <= settled) {
    aside_.pop_front();
    ++aside_settled_;
  }
  committed_ = settled + aside_settled_;
  from_.commit(committed_);
}

}  // namespace fifomq
