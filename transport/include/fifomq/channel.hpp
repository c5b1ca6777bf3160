// The interface that every transport implements. transport/README.md is the contract behind it,
// rule by rule; each rule is a test that every transport passes.
//
// Threads: a channel end belongs to one thread at a time; different ends are independent. close()
// alone may be called from any thread at any time while the object lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <fifomq/capabilities.hpp>
#include <fifomq/counters.hpp>
#include <fifomq/deadline.hpp>
#include <fifomq/endpoint.hpp>
#include <fifomq/export.hpp>
#include <fifomq/message.hpp>

namespace fifomq {

// How send() and flush() end. What is wrong with the message or the system is an Error instead.
enum class SendResult {
  sent,       // accepted, whole
  dropped,    // accepted and, as the endpoint asks for it, thrown away and counted
  timed_out,  // no room until the deadline; nothing of the message will be delivered
  no_peer,    // nobody there until the deadline; nothing of the message will be delivered
  closed,     // close() was called; nothing of the message will be delivered
};

// It would have had to wait longer, for room or for somebody; a later try may do.
constexpr bool would_wait(SendResult result) noexcept {
  return result == SendResult::timed_out || result == SendResult::no_peer;
}

// How receive() ends.
enum class ReceiveResult {
  received,       // a message came, whole
  timed_out,      // nothing came until the deadline
  end_of_stream,  // nothing more will come
  closed,         // close() was called
};

FIFOMQ_EXPORT const char* to_string(
    SendResult result) noexcept;  // the enumerator's name, such as "no_peer"
FIFOMQ_EXPORT const char* to_string(ReceiveResult result) noexcept;  // the enumerator's name

// What both ends have. Made by Registry; whoever has the pointer owns the end and all it has open.
class FIFOMQ_EXPORT Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  Channel(Channel&&) = delete;
  Channel& operator=(Channel&&) = delete;
  // Closes. A sender's destructor waits for what is on its way at most as long as its endpoint
  // says.
  virtual ~Channel();

  virtual const Endpoint& endpoint() const = 0;  // as it was opened; valid as long as the channel
  // What this end can do here and now: its endpoint's options and this system counted in.
  virtual Capabilities capabilities() const = 0;

  // For poll, epoll, asio, zmq_poll: readable (POLLIN, also for a sender) when the next call may
  // get somewhere without waiting, and for good once closed. Level-triggered; it may be readable
  // for nothing, never silent when there is something. The channel owns it; use it for waiting
  // alone.
  virtual int poll_fd() = 0;

  // A copy of the ledger. Does not wait.
  virtual Counters counters() const = 0;

  // Wakes a blocked call; from then on calls return `closed`. Idempotent.
  virtual void close() noexcept = 0;
};

// The end that sends.
// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): those of Channel
class FIFOMQ_EXPORT Sender : public Channel {
 public:
  ~Sender() override;

  // Waits until the message is accepted whole, at most until the deadline. Throws Error: too_large
  // before a byte has left, not_representable where the framing cannot carry it; the channel lives
  // on after both.
  virtual SendResult send(const MessageView& message, Deadline deadline) = 0;

  // Waits until all that was accepted has left this process: into the kernel's pipe, into the
  // socket. `sent` when it has; the other results say why not.
  virtual SendResult flush(Deadline deadline) = 0;

  // How many of the messages accepted so far never need sending again: those out of this process,
  // or, where the far end acknowledges, those it has taken over. Never decreases.
  virtual std::uint64_t settled() const = 0;

  // What send_many() did.
  struct Many {
    std::size_t accepted;  // the first so many, each sent or dropped as with send()
    SendResult result;     // of the first one that was not accepted, or of the flush
  };
  // Sends them one after another, and flushes: when `result` is `sent`, all have left this process.
  // Where send() throws, the messages before have been accepted; counters() tells how many.
  Many send_many(std::span<const MessageView> messages, Deadline deadline);
};

// The end that receives.
// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): those of Channel
class FIFOMQ_EXPORT Receiver : public Channel {
 public:
  ~Receiver() override;

  // Waits for a message, at most until the deadline. On `received` the view is valid until the next
  // call on this receiver.
  virtual ReceiveResult receive(MessageView& message, Deadline deadline) = 0;

  // The first n messages received are done with: they will not come again after a crash. Means
  // nothing to a receiver without Capabilities::explicit_commit, for which receiving is committing.
  virtual void commit(std::uint64_t n) = 0;

  // Takes nothing more in, but for the rest of what is half done; what was taken is still handed
  // out, and then the stream ends. The next receiver finds the rest. Means nothing where what has
  // come cannot be left for another (Capabilities::waits_for_peer).
  virtual void stop_taking() {}
};

}  // namespace fifomq
