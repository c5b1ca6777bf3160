#pragma once

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>

#include <fifomq/log.hpp>

#include "batch.hpp"
#include "core/flusher.hpp"
#include "core/identity.hpp"
#include "core/pace.hpp"
#include "in_flight.hpp"
#include "subscriptions.hpp"
#include "zmq_socket.hpp"

namespace fifomq::zeromq {

// push, pub (on XPUB), pair.
class ZmqSender final : public Sender {
 public:
  ZmqSender(Endpoint endpoint, ZmqOptions options, std::shared_ptr<Context> context, LogSink log);
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
    std::size_t body_bytes = 0;
  };
  enum class Attempt { sent, full, no_peer, unsubscribed };

  void encode(const MessageView& message);
  SendResult leave_at_once(const MessageView& message, Deadline deadline);
  SendResult gather(const MessageView& message, Deadline deadline);
  void finish_batch();
  SendResult send_finished(Deadline deadline, OnFull on_full);
  SendResult send_gathered(Deadline deadline);
  SendResult drop_new();
  bool have_flusher() noexcept;
  core::Flusher::Next flusher_turn();
  SendResult deliver(Parts& parts, std::string_view topic, std::uint64_t messages,
                     Deadline deadline, OnFull on_full);
  SendResult queue();
  void take_back(const MessageView& message);
  Attempt attempt(Parts& parts, std::string_view topic);
  bool transmit(Parts& parts);
  void pump();
  bool has_room();
  SendResult drain(Deadline deadline);
  void arm(std::optional<std::uint64_t> most_in_flight);
  bool enough_peers();
  void look_around(bool at_once);
  std::uint64_t pending() const;
  bool closed() const;
  // Without a batch there is no flusher either, and nobody to keep out.
  std::unique_lock<std::mutex> lock() const {
    return batch_ ? std::unique_lock(mutex_) : std::unique_lock<std::mutex>();
  }

  const Endpoint endpoint_;
  const ZmqOptions options_;
  const LogSink log_;
  mutable Socket socket_;
  InFlight::Handle in_flight_;
  core::OriginStamp stamp_;
  Subscriptions subscriptions_;
  std::chrono::steady_clock::time_point looked_around_{};
  Parts parts_;                // the message that is being sent
  std::deque<Parts> backlog_;  // on_full=drop-old: what libzmq has not taken yet
  Counters counters_;
  bool ending_ = false;  // the destructor sends what it can, closed or not

  // batch=: the calls above, and the flusher's turns. A turn only tries to take the mutex, so that
  // it never waits for a send that waits.
  mutable std::mutex mutex_;
  std::optional<Batch> batch_;
  Parts finished_;  // a batch that has not left yet
  std::uint64_t finished_messages_ = 0;
  bool gathering_ = false;
  core::Pace pace_;
  std::unique_ptr<core::Flusher> flusher_;
};

}  // namespace fifomq::zeromq
