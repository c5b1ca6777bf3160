// The sending half of `zmq+reliable:` on its DEALER socket: takes over messages, sends them as the
// outbox says, and takes in the answers. It has no thread and never waits.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "batch.hpp"
#include "in_flight.hpp"
#include "reliable_outbox.hpp"
#include "zmq_socket.hpp"

namespace fifomq::zeromq {

class ReliableLink {
 public:
  ReliableLink(std::shared_ptr<Context> context, const ZmqOptions& options, const LogSink& log);

  // What its user waits for, and closes.
  core::Readiness& readiness() { return shown_; }
  const core::Readiness& readiness() const { return shown_; }
  // Readable when drive() may get somewhere.
  int fd() const { return socket_.readiness().fd(); }

  // Sends what may be sent and takes in what has come. Whether something has happened.
  bool drive();
  // The same when the last time was some time ago, so that it costs little in a loop of sends.
  void drive_now_and_then();
  // From here on fd() also shows that libzmq has given a good part of what it had to the kernel.
  void watch_leaving() { headers_->notify_at(headers_->messages() / 2); }
  // When drive() has something to do although nothing happens: to ask a receiver that is silent.
  Deadline next_question() const;

  bool peer_there() const { return socket_.peers().peers() > 0; }
  // A message with a frame of so many bytes, its length included, may be accepted.
  bool has_room(std::size_t bytes) const;
  // One that comes alone leaves at once; while others are leaving, it is gathered.
  void accept(const core::FrameBody& message);
  // What was gathered leaves as soon as it can.
  void finish_batch();
  void finish_batch_if_idle() {
    if (nothing_leaves()) finish_batch();
  }

  const Outbox<zmq::message_t>& outbox() const { return outbox_; }
  std::uint64_t accepted() const { return outbox_.accepted() + batch_.messages(); }
  bool all_acknowledged() { return outbox_.acknowledged() == accepted(); }
  bool has_unsent() const { return outbox_.sent() < accepted(); }
  // All that was accepted has left the process.
  bool all_left() { return !has_unsent() && outbox_.nothing_goes_again() && nothing_leaves(); }

  Counters counters();
  // At the end: for what is on its way.
  void linger(Deadline deadline);

 private:
  using Clock = Deadline::Clock;

  bool nothing_leaves() { return headers_->within(0); }
  // Of who is not there none is due.
  bool awaits_answer() const { return peer_there() && outbox_.awaits_answer(); }
  void keep_alone(const core::FrameBody& message);
  void greet_newcomer(Clock::time_point now);
  bool take_in(Clock::time_point now);
  void ask_again(Clock::time_point now);
  bool transmit();
  bool transmit_next();
  void show_what_came();
  bool say(const Header& header);

  const std::uint64_t credit_;  // bytes
  Socket socket_;
  core::Readiness shown_;     // what its user is to see, and all that the socket's shows
  InFlight::Handle bodies_;   // kept until they are acknowledged
  InFlight::Handle headers_;  // of DATA: let go when they have left
  Outbox<zmq::message_t> outbox_;
  Batch batch_;
  std::string said_;
  std::uint64_t bytes_out_ = 0;
  std::uint64_t peers_seen_ = 0;
  Clock::time_point looked_at_{};
  Clock::time_point asked_at_{};  // or heard
  Clock::duration patience_;      // until the receiver is asked
};

}  // namespace fifomq::zeromq
