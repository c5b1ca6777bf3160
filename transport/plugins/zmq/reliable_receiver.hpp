#pragma once

#include <chrono>
#include <string>

#include "core/writer_ledger.hpp"
#include "in_flight.hpp"
#include "reliable_inbox.hpp"
#include "socket_receiver.hpp"

namespace fifomq::zeromq {

// The receiving end of `zmq+reliable:`, on ROUTER.
class ReliableReceiver final : public SocketReceiver {
 public:
  ReliableReceiver(Endpoint endpoint, const ZmqOptions& options, std::shared_ptr<Context> context,
                   const OpenOptions& open);
  ReliableReceiver(const ReliableReceiver&) = delete;
  ReliableReceiver& operator=(const ReliableReceiver&) = delete;
  ReliableReceiver(ReliableReceiver&&) = delete;
  ReliableReceiver& operator=(ReliableReceiver&&) = delete;
  // Tells the senders what is committed.
  ~ReliableReceiver() override;

  Capabilities capabilities() const override;
  void commit(std::uint64_t n) override;
  // What has come and was not handed out comes again to the next one.
  void stop_taking() override { end(); }

 private:
  using Clock = Deadline::Clock;

  Attempt attempt(MessageView& message) override;
  void before_rest() override { acknowledge(); }
  Attempt take_parts();
  Attempt take_message();
  Attempt next_of_batch(MessageView& message);
  void hand_out(const MessageView& message);
  void answer(const Header& header, std::string_view route);
  void acknowledge();
  void acknowledge_in_time();
  void wait_for_answers(Deadline deadline);

  const bool explicit_commit_;
  Inbox inbox_;
  core::Readiness leaving_;  // shows at the end that all answers have left
  InFlight::Handle answers_;
  zmq::message_t route_;
  zmq::message_t header_;
  zmq::message_t body_;              // of the messages handed out last
  ByteView batch_;                   // what is left of it
  Inbox::Stream* stream_ = nullptr;  // whose it is
  std::uint64_t sequence_ = 0;       // of its next message
  std::string said_;
  core::WriterLedger writers_;
  Clock::time_point acknowledged_at_{};
};

}  // namespace fifomq::zeromq
