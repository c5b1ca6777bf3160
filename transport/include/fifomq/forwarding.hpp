// A sender and a receiver that hand every call on to another one. Derive from them and override
// what is to be different: to measure, to log, to bring about faults in tests.
#pragma once

#include <memory>
#include <utility>

#include <fifomq/channel.hpp>

namespace fifomq {

// Owns the sender that it forwards to.
class ForwardingSender : public Sender {
 public:
  // `to` must not be null.
  explicit ForwardingSender(std::unique_ptr<Sender> to) : to_(std::move(to)) {}

  const Endpoint& endpoint() const override { return to_->endpoint(); }
  Capabilities capabilities() const override { return to_->capabilities(); }
  int poll_fd() override { return to_->poll_fd(); }
  Counters counters() const override { return to_->counters(); }
  void close() noexcept override { to_->close(); }
  SendResult send(const MessageView& message, Deadline deadline) override {
    return to_->send(message, deadline);
  }
  SendResult flush(Deadline deadline) override { return to_->flush(deadline); }
  std::uint64_t settled() const override { return to_->settled(); }

 protected:
  Sender& to() const { return *to_; }  // the one that is owned

 private:
  const std::unique_ptr<Sender> to_;
};

// Owns the receiver that it forwards to.
class ForwardingReceiver : public Receiver {
 public:
  // `to` must not be null.
  explicit ForwardingReceiver(std::unique_ptr<Receiver> to) : to_(std::move(to)) {}

  const Endpoint& endpoint() const override { return to_->endpoint(); }
  Capabilities capabilities() const override { return to_->capabilities(); }
  int poll_fd() override { return to_->poll_fd(); }
  Counters counters() const override { return to_->counters(); }
  void close() noexcept override { to_->close(); }
  ReceiveResult receive(MessageView& message, Deadline deadline) override {
    return to_->receive(message, deadline);
  }
  void commit(std::uint64_t n) override { to_->commit(n); }
  void stop_taking() override { to_->stop_taking(); }

 protected:
  Receiver& to() const { return *to_; }  // the one that is owned

 private:
  const std::unique_ptr<Receiver> to_;
};

}  // namespace fifomq
