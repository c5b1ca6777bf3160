// What a sender does when its server goes wrong, and when its process forks.
#include <unistd.h>

#include <fifomq/error.hpp>

#include "nats_case_test.hpp"
#include "support/child.hpp"

namespace fifomq::jetstream {
namespace {

using NatsSending = NatsCase;

TEST_F(NatsSending, AConnectionThatEndsForGoodIsAnError) {
  const auto sender = registry_.open_sender(endpoint("s"));
  server_.kill();
  send(*sender, "one");
  server_.configure("authorization { user: somebody, password: secret }\n");
  server_.start();
  try {
    const auto result = sender->flush(soon());
    ADD_FAILURE() << "flush said " << to_string(result);
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::permission_denied);
  }
  EXPECT_THROW(sender->send({}, Deadline::now()), Error);
  EXPECT_EQ(sender->settled(), 0U);
}

TEST_F(NatsSending, WhatTheServerRefusesIsSaidOnceAndHoldsNoDeadlineUp) {
  Lines log;
  const std::string payload(10'000, 'x');
  const auto sender =
      registry_.open_sender(endpoint("s", "&max_bytes=50KiB&in_flight=20KiB"), {.log = log.sink()});
  SendResult result = SendResult::sent;
  while (result == SendResult::sent) {
    result = sender->send({.payload = as_byte_view(payload)},
                          Deadline::after(std::chrono::milliseconds(500)));
  }
  EXPECT_EQ(result, SendResult::timed_out);
  EXPECT_EQ(sender->flush(Deadline::after(std::chrono::milliseconds(50))), SendResult::timed_out);
  EXPECT_EQ(log.count("takes no messages (maximum bytes exceeded)"), 1);
  PlainClient client(server_);
  client.purge("S");
  EXPECT_EQ(sender->flush(soon()), SendResult::sent);
  // It is over when it has not happened for a while.
  for (const Deadline deadline = soon(); log.count("not any more, after") == 0;) {
    ASSERT_FALSE(deadline.expired());
    client.purge("S");
    send(*sender, "small");
    ASSERT_EQ(sender->flush(soon()), SendResult::sent);
  }
  EXPECT_EQ(log.count("takes no messages"), 2);
}

TEST_F(NatsSending, AChildLeavesTheConnectionToItsParent) {
  auto sender = registry_.open_sender(endpoint("s"));
  send(*sender, "one");
  EXPECT_EQ(test::status_of_child([&] {
              alarm(60);  // it ends, or is ended
              try {
                sender->send({}, soon());
                return 1;
              } catch (const Error& error) {
                if (error.errc() != Errc::in_use) return 2;
              }
              if (sender->counters().messages_received != 1) return 3;
              sender.reset();
              return 0;
            }),
            0);
  send(*sender, "two");
  EXPECT_EQ(sender->flush(soon()), SendResult::sent);
  EXPECT_EQ(sender->counters().peers_lost, 0U);
  const auto receiver = registry_.open_receiver(endpoint("s"));
  expect(*receiver, "one");
  expect(*receiver, "two");
}

// libnats breaks the connection when a server does not read for five seconds: whoever waited for
// the thread that publishes would see that.
TEST_F(NatsSending, AForkDoesNotWaitForTheNetwork) {
  constexpr int kMessages = 30;
  const std::string payload(1'000'000, 'x');
  const auto sender = registry_.open_sender(endpoint("s", "&in_flight=64MiB"));
  server_.stop();
  for (int i = 0; i < kMessages; ++i) send(*sender, payload);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(test::status_of_child([] { return 0; }), 0);
  EXPECT_EQ(sender->counters().peers_lost, 0U);
  server_.go_on();
  EXPECT_EQ(sender->flush(soon()), SendResult::sent);
}

}  // namespace
}  // namespace fifomq::jetstream
