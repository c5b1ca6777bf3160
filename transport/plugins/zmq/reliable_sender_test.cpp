// A reliable sender whose receiver refuses it, or is another one for a while.
#include <gtest/gtest.h>
#include <zmq.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "certificate.hpp"
#include "conformance/suite.hpp"
#include "reliable_header.hpp"
#include "support/soon.hpp"

namespace fifomq::zeromq {
namespace {

class ReliableSenderTest : public testing::Test {
 protected:
  std::unique_ptr<Sender> open_sender(const LogSink& log = {}) {
    return transports_.open_sender("zmq+reliable:" + address_, {.log = log});
  }
  std::unique_ptr<Receiver> open_receiver() {
    return transports_.open_receiver("zmq+reliable:@" + address_, {.explicit_commit = true});
  }

  const Registry transports_ = builtin_transports();
  const conformance::TemporaryFolder folder_;
  const std::string address_ = "ipc://" + folder_.path() + "/socket";
};

// Speaks to its sender as the page says, and refuses it.
void refuse_one(zmq::socket_t& socket) {
  zmq::message_t route;
  zmq::message_t part;
  Header hello;
  while (hello.kind != Header::Kind::hello) {
    ASSERT_TRUE(socket.recv(route).has_value());
    ASSERT_TRUE(socket.recv(part).has_value());
    ASSERT_TRUE(parse({part.data<std::byte>(), part.size()}, hello));
    while (part.more()) ASSERT_TRUE(socket.recv(part).has_value());
  }
  std::string said;
  serialize({.kind = Header::Kind::refused,
             .stream = hello.stream,
             .epoch = hello.epoch,
             .reason = "not today"},
            said);
  socket.send(route, zmq::send_flags::sndmore);
  socket.send(zmq::buffer(said), zmq::send_flags::none);
}

// Sooner or later: the refusal is on its way.
void expect_refused(const std::function<void()>& call) {
  for (const Deadline limit = test::soon(); !limit.expired();) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.errc(), Errc::unsupported);
      EXPECT_NE(std::string(error.what()).find("refused: not today"), std::string::npos);
      return;
    }
  }
  ADD_FAILURE() << "it is not refused";
}

TEST_F(ReliableSenderTest, ARefusalIsToldToWhoSendsAndToWhoFlushes) {
  zmq::context_t context;
  zmq::socket_t receiver(context, zmq::socket_type::router);
  receiver.set(zmq::sockopt::linger, 0);
  receiver.bind(address_);
  const auto sender = open_sender();
  ASSERT_EQ(sender->send({.payload = as_byte_view("one")}, test::soon()), SendResult::sent);
  refuse_one(receiver);
  expect_refused([&] { sender->flush(Deadline::after(std::chrono::milliseconds(1))); });
  expect_refused([&] { sender->send({.payload = as_byte_view("two")}, test::soon()); });
}

TEST_F(ReliableSenderTest, WhatIsOfAnotherKindIsIgnored) {
  const auto receiver = open_receiver();
  zmq::context_t context;
  zmq::socket_t sender(context, zmq::socket_type::dealer);
  sender.set(zmq::sockopt::linger, 0);
  sender.connect(address_);
  std::string said;
  const auto say = [&](std::uint8_t kind, std::initializer_list<std::string_view> more) {
    serialize({.kind = static_cast<Header::Kind>(kind), .stream = 5, .version = 1}, said);
    sender.send(zmq::buffer(said),
                more.size() > 0 ? zmq::send_flags::sndmore : zmq::send_flags::none);
    for (const std::string_view part : more) sender.send(zmq::buffer(part), zmq::send_flags::none);
  };
  say(99, {});
  say(99, {"and more"});
  say(static_cast<std::uint8_t>(Header::Kind::ping), {"one part too many"});
  MessageView message;
  const Deadline limit = test::soon();
  while (receiver->counters().messages_received == 0 && !limit.expired()) {
    receiver->receive(message, Deadline::after(std::chrono::milliseconds(1)));
  }
  EXPECT_EQ(receiver->counters().messages_received, 1U) << "the last one alone";
  EXPECT_EQ(receiver->counters().undecodable, 1U);
}

// The sender's thread alone sees to it: nobody calls.
TEST_F(ReliableSenderTest, WhatIsOwedGoesToTheNextReceiverThoughAnotherEndRefusedItMeanwhile) {
  std::promise<void> refused;
  std::atomic<bool> told = false;
  const auto sender = open_sender([&](LogLevel, std::string_view line) {
    if (line.find("uses CURVE") != std::string_view::npos && !told.exchange(true)) {
      refused.set_value();
    }
  });
  MessageView message;
  {
    const auto first = open_receiver();
    ASSERT_EQ(sender->send({.payload = as_byte_view("one")}, test::soon()), SendResult::sent);
    ASSERT_EQ(first->receive(message, test::soon()), ReceiveResult::received);
  }
  {
    zmq::context_t context;
    zmq::socket_t other(context, zmq::socket_type::router);
    const Certificate keys = make_certificate();
    other.set(zmq::sockopt::curve_server, true);
    other.set(zmq::sockopt::curve_publickey, keys.public_key);
    other.set(zmq::sockopt::curve_secretkey, keys.secret_key.text);
    other.bind(address_);
    ASSERT_EQ(refused.get_future().wait_for(test::soon().remaining()), std::future_status::ready);
  }
  const auto next = open_receiver();
  ASSERT_EQ(next->receive(message, Deadline::after(std::chrono::seconds(30))),
            ReceiveResult::received);
  EXPECT_EQ(as_text(message.payload), "one");
}

}  // namespace
}  // namespace fifomq::zeromq
