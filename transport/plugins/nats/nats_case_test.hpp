// A test with a server of its own, and a look at what is said to that one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>

#include "nats_handles.hpp"
#include "nats_server_test.hpp"

namespace fifomq::jetstream {

inline Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

// A client that is none of ours.
class PlainClient {
 public:
  explicit PlainClient(const test::NatsServer& server) {
    natsConnection* connection = nullptr;
    natsConnection_ConnectTo(&connection, ("nats://" + server.address()).c_str());
    connection_.reset(connection);
    jsCtx* context = nullptr;
    natsConnection_JetStream(&context, connection, nullptr);
    context_.reset(context);
  }

  void listen(const std::string& subject) {
    natsSubscription* subscription = nullptr;
    natsConnection_SubscribeSync(&subscription, connection_.get(), subject.c_str());
    subscription_.reset(subscription);
    natsSubscription_SetPendingLimits(subscription, -1, -1);
    natsConnection_Flush(connection_.get());
  }
  // Messages since then.
  int heard() {
    int messages = -1;
    natsConnection_Flush(connection_.get());
    natsSubscription_GetPending(subscription_.get(), &messages, nullptr);
    return messages;
  }
  // What they hold.
  std::vector<std::string> bodies() {
    std::vector<std::string> all;
    for (int left = heard(); left > 0; --left) {
      natsMsg* message = nullptr;
      if (natsSubscription_NextMsg(&message, subscription_.get(), 0) != NATS_OK) break;
      const MessageHandle handle(message);
      all.emplace_back(natsMsg_GetData(message),
                       static_cast<std::size_t>(natsMsg_GetDataLength(message)));
    }
    return all;
  }

  // Stored when it returns.
  void publish(const std::string& subject, const std::string& text) {
    ASSERT_EQ(js_Publish(nullptr, context_.get(), subject.c_str(), text.data(),
                         static_cast<int>(text.size()), nullptr, nullptr),
              NATS_OK);
  }
  void say(const std::string& subject, const std::string& text, const std::string& reply = "") {
    natsConnection* const connection = connection_.get();
    const auto size = static_cast<int>(text.size());
    ASSERT_EQ(reply.empty() ? natsConnection_Publish(connection, subject.c_str(), text.data(), size)
                            : natsConnection_PublishRequest(connection, subject.c_str(),
                                                            reply.c_str(), text.data(), size),
              NATS_OK);
  }
  void purge(const std::string& stream) {
    ASSERT_EQ(js_PurgeStream(context_.get(), stream.c_str(), nullptr, nullptr), NATS_OK);
  }

 private:
  ConnectionHandle connection_;
  JetStreamHandle context_;
  SubscriptionHandle subscription_;
};

// What goes to a log sink.
class Lines {
 public:
  LogSink sink() {
    return [this](LogLevel, std::string_view text) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(text);
    };
  }
  std::ptrdiff_t count(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::count_if(
        lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class NatsCase : public testing::Test {
 protected:
  std::string endpoint(const std::string& subject, const std::string& options = "") const {
    return "nats:" + subject + "@" + server_.address() + "?stream=S&create=log&storage=memory" +
           options;
  }

  static void send(Sender& sender, const std::string& payload) {
    ASSERT_EQ(sender.send({.payload = as_byte_view(payload)}, soon()), SendResult::sent);
  }
  // Each has its subject for a payload.
  void send_to(const std::string& subject, int count) {
    const auto sender = registry_.open_sender(endpoint(subject));
    for (int i = 0; i < count; ++i) send(*sender, subject);
    ASSERT_EQ(sender->flush(soon()), SendResult::sent);
  }
  static void expect(Receiver& receiver, const std::string& payload) {
    MessageView message;
    ASSERT_EQ(receiver.receive(message, soon()), ReceiveResult::received);
    EXPECT_EQ(as_text(message.payload), payload);
  }

  // Until the channel has noticed that its server is gone.
  static void await_loss(Receiver& receiver) {
    const Deadline deadline = soon();
    MessageView message;
    while (receiver.counters().peers > 0 && !deadline.expired()) {
      receiver.receive(message, Deadline::after(std::chrono::milliseconds(10)));
    }
    ASSERT_EQ(receiver.counters().peers, 0U);
  }

  test::NatsServer server_;
  const Registry registry_ = builtin_transports();
};

}  // namespace fifomq::jetstream
