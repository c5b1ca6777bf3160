// Carries messages from a Receiver to a Sender. It has no thread and never waits for input: whoever
// runs it decides how to wait.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include <fifomq/channel.hpp>
#include <fifomq/export.hpp>
#include <fifomq/log.hpp>

namespace fifomq {

// A message that has passed so many relays is dropped: it goes round in a ring.
inline constexpr std::uint32_t kMaxHops = 8;

// Where a relay puts what can never be handed on. Both calls throw Error, which ends the relay.
class FIFOMQ_EXPORT DeadLetters {
 public:
  DeadLetters() = default;
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;
  DeadLetters(DeadLetters&&) = delete;
  DeadLetters& operator=(DeadLetters&&) = delete;
  virtual ~DeadLetters();

  // The message as it came in.
  virtual void put(const MessageView& message) = 0;
  // What was put outlives whatever happens next. Called before it is committed.
  virtual void sync() = 0;
};

// How a relay treats what it carries.
struct RelayOptions {
  // A bridge between two channels counts itself in a message's hops. What only reads or prints does
  // not.
  bool counts_as_hop = true;
  // Messages of unknown origin get this sender as their writer. Right where they enter the system,
  // such as from standard input; a bridge leaves the unknown unknown.
  bool stamps_origin = false;
  // How long one message may wait for room or for a peer, after which the relay has failed().
  std::optional<std::chrono::nanoseconds> patience;
  // Asked before each try to hand on a message, with the number of tries before: until when this
  // one may wait. So whoever runs the relay comes by while a message waits for room.
  std::function<Deadline(const MessageView& message, unsigned tries)> check_in = {};
  // Told of what is dropped, and why. Called on the thread that runs the relay.
  LogSink log;
  // Takes the messages that the sender refuses as such, and those over kMaxHops; absent, they are
  // dropped. Outlives the relay.
  DeadLetters* dead_letters = nullptr;
};

// One receiver to one sender. Never copied, never moved: it refers to both.
class FIFOMQ_EXPORT Relay {
 public:
  // Both ends stay the caller's and outlive the relay. One thread uses the relay and them.
  Relay(Receiver& from, Sender& to, RelayOptions options);

  // Moves what is there, up to a batch, and returns how many messages it took in; 0 when there is
  // nothing to do now. Waits only for room at the sender, until the message is accepted, patience
  // is over, or one end is closed. Throws what the ends throw, except for messages that the sender
  // refuses as such (too large, not representable): these are counted and the stream goes on. What
  // the dead letters throw comes through, and what they did not take is not committed. Another
  // step() begins with the message that could not be handed on; in between, nothing is called on
  // the receiver.
  std::size_t step();

  // Commits what the sender has settled by now; step() does so too.
  void commit();
  // How many of the messages taken in are not committed yet.
  std::uint64_t uncommitted() const {
    return relayed_ + aside_.size() + aside_settled_ - committed_;
  }

  // Nothing more will come: the receiver's stream has ended, or one end was closed.
  bool ended() const { return ended_; }
  // Patience was over: why, as the sender said it. The message that waited is lost and counted
  // `unsent`.
  std::optional<SendResult> failed() const { return failed_; }

  std::uint64_t relayed() const { return relayed_; }      // accepted by the sender
  std::uint64_t hop_limit() const { return hop_limit_; }  // dropped: would have passed kMaxHops
  // The sender cannot carry it: together, and by reason.
  std::uint64_t refused() const { return too_large_ + not_representable_; }
  std::uint64_t too_large() const { return too_large_; }  // over the sender's max_message
  std::uint64_t not_representable() const {               // not in the sender's framing
    return not_representable_;
  }
  // Of those over the hop limit and those refused, what the dead letters took.
  std::uint64_t dead_letters() const { return dead_letters_; }
  std::uint64_t unsent() const { return unsent_; }  // taken in, not accepted before the end

 private:
  FIFOMQ_NO_EXPORT bool forward(const MessageView& message);
  FIFOMQ_NO_EXPORT SendResult send(const MessageView& message);
  FIFOMQ_NO_EXPORT bool accept(SendResult result);
  FIFOMQ_NO_EXPORT void put_aside(const MessageView& message, std::uint64_t& counter);
  FIFOMQ_NO_EXPORT void tell_of_refusal(const char* why) const;

  Receiver& from_;
  Sender& to_;
  const RelayOptions options_;
  MessageView in_hand_;  // taken in and not handed on, where something was thrown
  bool is_in_hand_ = false;
  bool ended_ = false;
  std::optional<SendResult> failed_;
  std::uint64_t relayed_ = 0;
  std::uint64_t hop_limit_ = 0;
  std::uint64_t too_large_ = 0;
  std::uint64_t not_representable_ = 0;
  std::uint64_t dead_letters_ = 0;
  bool letters_owe_sync_ = false;
  std::uint64_t unsent_ = 0;
  // What was put aside here counts as settled in its place among the messages relayed: for each
  // such message, how many were relayed before it.
  std::deque<std::uint64_t> aside_;
  std::uint64_t aside_settled_ = 0;
  std::uint64_t committed_ = 0;
};

}  // namespace fifomq
