#pragma once

#include <chrono>
#include <deque>

#include <fifomq/log.hpp>

#include "core/identity.hpp"
#include "in_flight.hpp"
#include "subscriptions.hpp"
#include "zmq_socket.hpp"

namespace fifomq::zeromq {

// push, pub (on XPUB), pair.
class ZmqSender final : public Sender {
 public:
  ZmqSender(Endpoint endpoint, ZmqOptions options, std::shared_ptr<zmq::context_t> context,
            LogSink log);
  ZmqSender(const ZmqSender&) = delete;
  ZmqSender& operator=(const ZmqSender&) = delete;
  ZmqSender(ZmqSender&&) = delete;
  ZmqSender& operator=(ZmqSender&&) = delete;
  // Waits at most `linger` for what is queued, and reports what is left.
  ~ZmqSender() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return capabilities_of(options_, Direction::send); }
  int poll_fd() override { return socket_.readiness().fd(); }
  Counters counters() const override;
  void close() noexcept override { socket_.readiness().close(); }

  SendResult send(const MessageView& message, Deadline deadline) override;
  SendResult flush(Deadline deadline) override;
  std::uint64_t settled() const override;

 private:
  struct Parts {
    zmq::message_t topic;  // publishing only
    zmq::message_t body;
  };
  enum class Attempt { sent, full, no_peer, unsubscribed };

  Parts encode(const MessageView& message);
  SendResult deliver(Parts& parts, std::string_view topic, Deadline deadline);
  SendResult queue(Parts parts);
  Attempt attempt(Parts& parts, std::string_view topic);
  bool transmit(Parts& parts);
  void pump();
  bool has_room() const;
  SendResult drain(Deadline deadline);
  void arm();
  void wait_for_kernel(Deadline deadline);
  bool enough_peers();
  void look_around(bool at_once);
  SendResult drop(std::uint64_t Counters::*reason);

  const Endpoint endpoint_;
  const ZmqOptions options_;
  const LogSink log_;
  mutable Socket socket_;
  std::shared_ptr<InFlight> in_flight_;
  core::OriginStamp stamp_;
  Subscriptions subscriptions_;
  std::chrono::steady_clock::time_point looked_around_{};
  std::deque<Parts> backlog_;  // on_full=drop-old: what libzmq has not taken yet
  Counters counters_;
};

}  // namespace fifomq::zeromq
