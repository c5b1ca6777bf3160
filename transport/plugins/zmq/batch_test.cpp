// batch=SIZE: what plain clients find on the wire, and what our receivers make of batches that are
// right, cut or damaged.
#include "batch.hpp"

#include <gtest/gtest.h>
#include <zmq.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "conformance/suite.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

constexpr int kMessages = 5'000;
constexpr int kPatienceMs = 20'000;

Deadline soon() { return Deadline::after(std::chrono::milliseconds(kPatienceMs)); }

// A client that knows nothing of us.
class PlainSocket {
 public:
  PlainSocket(int type, const std::string& address)
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_.get(), type)) {
    zmq_setsockopt(socket_.get(), ZMQ_RCVTIMEO, &kPatienceMs, sizeof kPatienceMs);
    EXPECT_EQ(zmq_bind(socket_.get(), address.c_str()), 0);
  }
  std::string receive() {
    zmq_msg_t message;
    zmq_msg_init(&message);
    EXPECT_GE(zmq_msg_recv(&message, socket_.get(), 0), 0);
    std::string bytes(static_cast<const char*>(zmq_msg_data(&message)), zmq_msg_size(&message));
    zmq_msg_close(&message);
    return bytes;
  }
  void send(std::string_view bytes) {
    EXPECT_EQ(zmq_send(socket_.get(), bytes.data(), bytes.size(), 0),
              static_cast<int>(bytes.size()));
  }

 private:
  struct End {
    void operator()(void* context) const { zmq_ctx_term(context); }
  };
  struct Close {
    void operator()(void* socket) const { zmq_close(socket); }
  };
  std::unique_ptr<void, End> context_;
  std::unique_ptr<void, Close> socket_;
};

// The payloads of one ZeroMQ message, read as the page says.
std::vector<std::string> payloads_of(const std::string& bytes) {
  std::vector<std::string> payloads;
  ByteView rest = as_byte_view(bytes);
  const bool single = bytes.starts_with(core::kFrameBeginning);
  while (!rest.empty()) {
    std::uint64_t size = rest.size();
    if (!single) {
      EXPECT_EQ(core::take_varint(rest, size), core::TakeStatus::taken);
    }
    if (size > rest.size()) throw std::runtime_error("cut off");
    core::Frame frame;
    std::string unknown;
    EXPECT_EQ(core::parse_body(rest.first(size), frame, unknown), core::ParseStatus::parsed);
    payloads.emplace_back(as_text(frame.payload));
    rest = rest.subspan(size);
  }
  return payloads;
}

class BatchTest : public testing::Test {
 protected:
  std::string address() const { return "ipc://" + folder_.path() + "/socket"; }
  std::unique_ptr<Sender> sender(const std::string& options = "?batch=64KiB") {
    return registry_.open_sender("zmq+push:" + address() + options);
  }
  // Calls nothing else, so what was gathered leaves by itself; and does nothing else meanwhile, so
  // that it is gathered.
  static void send_all(Sender& sender, int count) {
    std::vector<std::string> payloads;
    payloads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) payloads.push_back(std::to_string(i));
    const Deadline deadline = soon();
    int sent = 0;
    for (const std::string& payload : payloads) {
      if (sender.send({.payload = as_byte_view(payload)}, deadline) == SendResult::sent) ++sent;
    }
    EXPECT_EQ(sent, count);
  }

  conformance::TemporaryFolder folder_;
  Registry registry_ = builtin_transports();
};

TEST_F(BatchTest, PlainClientsReadDelimitedFrames) {
  PlainSocket socket(ZMQ_PULL, address());
  const auto out = sender();
  std::jthread other([&] { send_all(*out, kMessages); });
  int next = 0;
  std::size_t most = 0;
  while (next < kMessages && !HasFailure()) {
    const std::string bytes = socket.receive();
    EXPECT_LE(bytes.size(), std::size_t{64} << 10);
    const std::vector<std::string> payloads = payloads_of(bytes);
    most = std::max(most, payloads.size());
    // The first one leaves at once, and has no length in front.
    if (next == 0) {
      EXPECT_EQ(payloads.size(), 1U);
    }
    for (const std::string& payload : payloads) ASSERT_EQ(payload, std::to_string(next++));
  }
  EXPECT_GT(most, 10U);
  other.join();
  EXPECT_EQ(out->flush(soon()), SendResult::sent);
  EXPECT_EQ(out->settled(), static_cast<std::uint64_t>(kMessages));
  EXPECT_EQ(out->counters().messages_pending, 0U);
}

TEST_F(BatchTest, LargeOnesKeepTheirPlace) {
  const auto in = registry_.open_receiver("zmq+pull:@" + address());
  const auto out = sender("?batch=4KiB");
  const std::string large(20'000, 'l');
  std::jthread other([&] {
    for (int i = 0; i < kMessages; ++i) {
      const std::string payload = std::to_string(i) + (i % 100 == 99 ? large : "");
      ASSERT_EQ(
          out->send({.payload = as_byte_view(payload), .type = i % 3 == 0 ? "t" : ""}, soon()),
          SendResult::sent);
    }
  });
  for (int i = 0; i < kMessages && !HasFailure(); ++i) {
    MessageView message;
    ASSERT_EQ(in->receive(message, soon()), ReceiveResult::received);
    ASSERT_EQ(as_text(message.payload), std::to_string(i) + (i % 100 == 99 ? large : ""));
    ASSERT_EQ(message.type, i % 3 == 0 ? "t" : "");
    ASSERT_EQ(message.origin->sequence, static_cast<std::uint64_t>(i) + 1);
  }
  EXPECT_EQ(in->counters().messages_delivered, static_cast<std::uint64_t>(kMessages));
}

TEST_F(BatchTest, APublishedBatchHasOneTopic) {
  const auto in = registry_.open_receiver("zmq+sub:" + address() + "?topic=a");
  const auto out = registry_.open_sender("zmq+pub:@" + address() + "?batch=64KiB&wait_peers=1");
  std::jthread other([&] {
    for (int i = 0; i < kMessages; ++i) {
      const std::string payload = std::to_string(i);
      const SendResult result = out->send(
          {.payload = as_byte_view(payload), .topic = i / 10 % 2 == 0 ? "a" : "b"}, soon());
      ASSERT_TRUE(result == SendResult::sent || result == SendResult::dropped);
    }
  });
  for (int i = 0; i < kMessages && !HasFailure(); ++i) {
    if (i / 10 % 2 != 0) continue;
    MessageView message;
    ASSERT_EQ(in->receive(message, soon()), ReceiveResult::received);
    ASSERT_EQ(as_text(message.payload), std::to_string(i));
    ASSERT_EQ(message.topic, "a");
  }
  other.join();
  out->flush(soon());
  const Counters counters = out->counters();
  EXPECT_EQ(counters.unsubscribed, static_cast<std::uint64_t>(kMessages) / 2);
  EXPECT_EQ(counters.messages_received, static_cast<std::uint64_t>(kMessages));
  EXPECT_EQ(counters.messages_delivered + counters.dropped(), counters.messages_received);
}

// Whatever is wrong costs the frame it hits, or the rest of its batch, and is counted.
TEST_F(BatchTest, DamageIsCountedAndHarmsNoOtherBatch) {
  PlainSocket socket(ZMQ_PUSH, address());
  const auto in = registry_.open_receiver("zmq+pull:" + address());
  const std::vector<std::string> payloads{"first", std::string(200, '2'), "third"};
  std::string batch;
  for (const std::string& payload : payloads) batch += test::checked_frame(payload);
  std::vector<std::string> harmed;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    harmed.push_back(batch.substr(0, i));
    harmed.push_back(batch);
    harmed.back()[i] = static_cast<char>(harmed.back()[i] ^ 0x41);
  }
  harmed.push_back(test::checked_body(test::payload_field("13 bytes in a")));
  std::jthread other([&] {
    for (const std::string& bytes : harmed) {
      socket.send(bytes);
      socket.send(test::delimited(test::checked_body(test::payload_field("whole"))));
    }
  });
  std::size_t whole = 0;
  while (whole < harmed.size() && !HasFailure()) {
    MessageView message;
    ASSERT_EQ(in->receive(message, soon()), ReceiveResult::received);
    const std::string_view payload = as_text(message.payload);
    if (payload == "whole") {
      ++whole;
    } else {
      EXPECT_TRUE(std::ranges::count(payloads, payload) == 1 || payload == "13 bytes in a")
          << payload;
    }
  }
  const Counters counters = in->counters();
  EXPECT_GT(counters.undecodable, batch.size());
  EXPECT_EQ(counters.messages_received, counters.messages_delivered + counters.dropped());
}

// Whether full is an error or drops the new message: what was accepted before leaves.
TEST_F(BatchTest, AnEndWhileFullLosesNothingThatWasAccepted) {
  for (const std::string on_full : {"fail", "drop-new"}) {
    const auto in = registry_.open_receiver("zmq+pull:@" + address() + "?hwm=4");
    auto out = sender("?batch=64KiB&hwm=4&linger=20s&on_full=" + on_full);
    const std::string payload(1'000, 'p');
    int accepted = 0;
    const auto is_refused = [&] {
      try {
        return out->send({.payload = as_byte_view(payload)}, soon()) != SendResult::sent;
      } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::full);
        return true;
      }
    };
    // Full for good, and not only until libzmq's thread has had its turn.
    SendResult flushed = SendResult::sent;
    while (flushed == SendResult::sent && accepted < 1'000'000) {
      if (!is_refused()) {
        ++accepted;
      } else {
        flushed = out->flush(Deadline::after(std::chrono::milliseconds(300)));
      }
    }
    ASSERT_EQ(flushed, SendResult::timed_out);
    std::jthread other([&] { out.reset(); });
    for (int i = 0; i < accepted && !HasFailure(); ++i) {
      MessageView message;
      ASSERT_EQ(in->receive(message, soon()), ReceiveResult::received) << i << " of " << accepted;
    }
  }
}

// Little at a time makes many small batches, which wait for the receiver beside each other.
TEST(Batch, ASmallOneKeepsLittleMemory) {
  constexpr std::size_t kPayload = 100;
  core::Readiness readiness("test");
  const auto in_flight = zeromq::InFlight::open(readiness);
  zeromq::Batch batch(*in_flight, std::size_t{64} << 10, zeromq::Batch::Topics::any);
  for (std::size_t messages = 1; messages < 400; ++messages) {
    const std::string payload(kPayload, static_cast<char>(messages));
    const MessageView message = {.payload = as_byte_view(payload),
                                 .origin = Origin{.writer = 1, .sequence = 1}};
    const core::FrameBody each(message);
    for (std::size_t i = 0; i < messages; ++i) {
      ASSERT_EQ(batch.append(each, {}), zeromq::Batch::Fit::appended);
    }
    zmq::message_t body;
    const auto finished = batch.finish(body);
    ASSERT_EQ(finished.bytes, body.size());
    ASSERT_GE(finished.memory, finished.bytes);
    ASSERT_LE(finished.memory, finished.bytes * 4 + 200);
    ASSERT_EQ(payloads_of(body.to_string()), std::vector<std::string>(messages, payload));
  }
}

TEST_F(BatchTest, WhatCannotBeBatchedIsSaid) {
  const auto error_of = [&](const std::string& options) {
    try {
      sender(options);
      return std::string("it was taken");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_NE(error_of("?batch=100B").find("4KiB to 1MiB"), std::string::npos);
  EXPECT_NE(error_of("?batch=2MiB").find("4KiB to 1MiB"), std::string::npos);
  EXPECT_NE(error_of("?batch=64KiB&body=payload").find("body=payload"), std::string::npos);
  EXPECT_NE(error_of("?batch=64KiB&on_full=drop-old").find("drop-old"), std::string::npos);
}

}  // namespace
}  // namespace fifomq
