// What a receiver asks of a server, and what it does when that one goes wrong.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fifomq/error.hpp>

#include "core/unique_fd.hpp"
#include "nats_case_test.hpp"
#include "support/child.hpp"

namespace fifomq::jetstream {
namespace {

using NatsReceiving = NatsCase;

const OpenOptions kCommits{.explicit_commit = true};

// A server that is told to give out again what has been acknowledged does so, and counts it as
// given out for ever where nobody acknowledges it anew. Nothing waits for that.
TEST_F(NatsReceiving, WhatIsDoneWithHoldsNothingUp) {
  send_to("s", 1);
  {
    const auto receiver = registry_.open_receiver(endpoint("s"), kCommits);
    expect(*receiver, "s");
    receiver->commit(1);
  }
  PlainClient client(server_);
  client.listen("again");
  client.say("$JS.ACK.S.fifomq.1.1.2.0.0", "-NAK");
  client.say("$JS.API.CONSUMER.MSG.NEXT.S.fifomq", "", "again");
  for (const Deadline deadline = soon(); client.heard() == 0;) ASSERT_FALSE(deadline.expired());
  send_to("s", 1);
  registry_.open_receiver(endpoint("s"), kCommits);
  for (int i = 0; i < 2; ++i) {  // the second one finds it among what was given out
    const auto receiver = registry_.open_receiver(endpoint("s"), kCommits);
    expect(*receiver, "s");
  }
}

// Of a stream that has them far apart, what was given out is found without a word about the others.
TEST_F(NatsReceiving, WhatWasGivenOutComesAgainHoweverFarApartItStands) {
  constexpr int kOthers = 5'000;
  registry_.open_receiver(endpoint("s.>", "&durable=all"));
  send_to("s.1", 1);
  send_to("s.other", kOthers);
  send_to("s.2", 1);
  send_to("s.other", kOthers);
  send_to("s.1", 2);
  {
    const auto receiver = registry_.open_receiver(endpoint("s.1"), kCommits);
    for (int i = 0; i < 3; ++i) expect(*receiver, "s.1");
  }
  PlainClient client(server_);
  client.listen("$JS.ACK.>");
  const auto next = registry_.open_receiver(endpoint("s.1"), kCommits);
  for (int i = 0; i < 3; ++i) expect(*next, "s.1");
  next->commit(3);
  EXPECT_LE(client.heard(), 100);
  MessageView message;
  EXPECT_EQ(next->receive(message, Deadline::now()), ReceiveResult::timed_out);
}

TEST_F(NatsReceiving, AConnectionThatEndsForGoodIsAnError) {
  const auto receiver = registry_.open_receiver(endpoint("s"));
  server_.kill();
  server_.configure("authorization { user: somebody, password: secret }\n");
  server_.start();
  for (int i = 0; i < 2; ++i) {
    try {
      MessageView message;
      const auto result = receiver->receive(message, soon());
      ADD_FAILURE() << "receive said " << to_string(result);
    } catch (const Error& error) {
      EXPECT_EQ(error.errc(), Errc::permission_denied);
    }
  }
}

// Takes connections, and says nothing.
core::UniqueFd silent_server(int port) {
  core::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(fd.get(), 1'000), 0);
  return fd;
}

// libnats lets nobody in while it tries to connect, for a second each time.
TEST_F(NatsReceiving, DeadlinesAreKeptWhileTheServerDoesNotAnswer) {
  constexpr std::uint64_t kTries = 3;
  constexpr std::chrono::milliseconds kWait{20};
  send_to("s", kTries);
  const auto receiver = registry_.open_receiver(endpoint("s"), kCommits);
  for (std::uint64_t i = 0; i < kTries; ++i) expect(*receiver, "s");
  server_.kill();
  const core::UniqueFd silent = silent_server(server_.port());
  await_loss(*receiver);
  Deadline::Clock::duration took{};
  for (std::uint64_t i = 0; i < kTries; ++i) {
    // It has just begun to try.
    const core::UniqueFd connection(accept4(silent.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const auto start = Deadline::Clock::now();
    MessageView message;
    receiver->commit(i + 1);
    EXPECT_EQ(receiver->receive(message, Deadline::after(kWait)), ReceiveResult::timed_out);
    took += Deadline::Clock::now() - start;
  }
  EXPECT_LT(took, std::chrono::milliseconds(500) * kTries);
}

// The server has not said that it has it, and the rest is here already.
TEST_F(NatsReceiving, PollFdShowsWhatIsHereAfterACommitWithoutAnAnswer) {
  constexpr int kMessages = 100;
  send_to("s", kMessages);
  const auto receiver = registry_.open_receiver(endpoint("s"), kCommits);
  for (int i = 0; i < kMessages / 2; ++i) expect(*receiver, "s");
  server_.stop();
  receiver->commit(1);
  pollfd shown{.fd = receiver->poll_fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&shown, 1, 0), 1);
  server_.go_on();
}

// One that is no frame, alone: there is nothing that is committed after it.
TEST_F(NatsReceiving, WhatIsRefusedDoesNotComeAgain) {
  {
    const auto receiver = registry_.open_receiver(endpoint("s"), kCommits);
    PlainClient(server_).publish("s", "no frame");
    const Deadline deadline = soon();
    MessageView message;
    while (receiver->counters().undecodable == 0 && !deadline.expired()) {
      receiver->receive(message, Deadline::after(std::chrono::milliseconds(10)));
    }
    EXPECT_EQ(receiver->counters().undecodable, 1U);
  }
  send_to("s", 1);
  const auto next = registry_.open_receiver(endpoint("s"), kCommits);
  expect(*next, "s");
  EXPECT_EQ(next->counters().undecodable, 0U);
}

TEST_F(NatsReceiving, WhatWasReceivedNeverGetsLess) {
  constexpr int kMessages = 100;
  send_to("s", kMessages);
  for (const bool commits : {true, false}) {
    const auto receiver = registry_.open_receiver(
        endpoint("s", commits ? "&durable=a" : "&durable=b"), {.explicit_commit = commits});
    expect(*receiver, "s");
    const auto before = receiver->counters();
    receiver->stop_taking();
    const auto after = receiver->counters();
    EXPECT_GE(after.messages_received, before.messages_received);
    EXPECT_TRUE(after.balanced());
  }
}

TEST_F(NatsReceiving, AChildLeavesTheConnectionToItsParent) {
  auto receiver = registry_.open_receiver(endpoint("s"), kCommits);
  send_to("s", 1);
  expect(*receiver, "s");
  const auto is_refused = [](const auto& call, Errc expected) {
    try {
      call();
    } catch (const Error& error) {
      return error.errc() == expected;
    }
    return false;
  };
  EXPECT_EQ(test::status_of_child([&] {
              alarm(60);  // it ends, or is ended
              MessageView message;
              if (!is_refused([&] { receiver->receive(message, soon()); }, Errc::in_use)) return 1;
              if (!is_refused([&] { receiver->commit(1); }, Errc::in_use)) return 2;
              const auto open = [&] { registry_.open_receiver(endpoint("s", "&durable=b")); };
              if (!is_refused(open, Errc::unsupported)) return 3;
              receiver.reset();
              return 0;
            }),
            0);
  send_to("s", 1);
  expect(*receiver, "s");
  receiver->commit(2);
  EXPECT_EQ(receiver->counters().peers_lost, 0U);
}

}  // namespace
}  // namespace fifomq::jetstream
