#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include <fifomq/log.hpp>

#include "core/flusher.hpp"
#include "core/identity.hpp"
#include "reliable_link.hpp"

namespace fifomq::zeromq {

// The sending end of `zmq+reliable:`. A thread takes part while something is not acknowledged: it
// sends on what was gathered, and again what a receiver had not committed when it died.
class ReliableSender final : public Sender {
 public:
  ReliableSender(Endpoint endpoint, ZmqOptions options, std::shared_ptr<Context> context,
                 LogSink log);
  ReliableSender(const ReliableSender&) = delete;
  ReliableSender& operator=(const ReliableSender&) = delete;
  ReliableSender(ReliableSender&&) = delete;
  ReliableSender& operator=(ReliableSender&&) = delete;
  // Waits at most `linger` for acknowledgements, and reports what is left.
  ~ReliableSender() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return capabilities_of(options_, Direction::send); }
  int poll_fd() override { return link_.readiness().fd(); }
  Counters counters() const override;
  void close() noexcept override { link_.readiness().close(); }

  SendResult send(const MessageView& message, Deadline deadline) override;
  SendResult flush(Deadline deadline) override;
  std::uint64_t settled() const override;

 private:
  using Lock = std::unique_lock<std::mutex>;

  SendResult await_room(std::size_t bytes, Deadline deadline, Lock& lock);
  SendResult await(bool (ReliableLink::*done)(), Deadline deadline, Lock& lock);
  bool wait(Deadline deadline, Lock& lock);
  SendResult nothing_came() {
    return link_.peer_there() ? SendResult::timed_out : SendResult::no_peer;
  }
  void check_refusal() const;
  void hand_over() noexcept;
  core::Flusher::Next turn();
  bool closed() const { return !ending_ && link_.readiness().closed(); }

  const Endpoint endpoint_;
  const ZmqOptions options_;
  const LogSink log_;
  core::OriginStamp stamp_;
  bool ending_ = false;  // the destructor sends what it can, closed or not

  // All that follows is for a call or the thread. Nobody holds it while he waits.
  mutable std::mutex mutex_;
  mutable ReliableLink link_;
  bool waiting_ = false;               // a call waits, and does what the thread would do
  bool turning_ = false;               // the thread takes turns
  bool resting_ = false;               // but not soon
  std::uint64_t accepted_before_ = 0;  // at the last turn
  std::unique_ptr<core::Flusher> flusher_;
};

}  // namespace fifomq::zeromq
