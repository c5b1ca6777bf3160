// Rule 1: a message arrives whole or not at all.
#include <cstring>
#include <string>
#include <vector>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

TEST_P(Conformance, Rule1MessagesOfEverySizeArriveWhole) {
  constexpr std::uint64_t kMessages = 500;
  constexpr std::size_t kMost = 20'000;
  // Where framings, pages and pipes have their edges, then any size.
  const std::vector<std::size_t> edges = {0,    1,    2,    7,     8,     9,     127,   128,  4000,
                                          4095, 4096, 4097, 16383, 16384, 65535, 65536, 65537};
  const auto size_of = [&](std::uint64_t index) {
    return index < edges.size() ? edges[index] : varied_size(index, kMost);
  };
  open();
  Background other([&] {
    for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) must_send(i, size_of(i));
  });
  for (std::uint64_t i = 0; i < kMessages && !HasFailure(); ++i) {
    SCOPED_TRACE("message " + std::to_string(i));
    must_receive(i, size_of(i));
  }
  if (HasFailure()) sender_->close();
  other.join();
}

TEST_P(Conformance, Rule1LargeMessagesArriveWhole) {
  open();
  const std::vector<std::size_t> sizes = {std::size_t{1} << 20, std::size_t{8} << 20};
  Background other([&] {
    for (const std::size_t size : sizes) must_send(size, size);
  });
  for (const std::size_t size : sizes) must_receive(size, size);
  if (HasFailure()) sender_->close();
  other.join();
}

TEST_P(Conformance, Rule1EmptyPayloadsAreMessages) {
  open();
  const std::vector<std::size_t> sizes = {0, 0, 100, 0};
  for (std::size_t i = 0; i < sizes.size(); ++i) must_send(i, sizes[i]);
  for (std::size_t i = 0; i < sizes.size(); ++i) must_receive(i, sizes[i]);
  must_receive_nothing();
}

// What marks a frame on the wire is nothing special inside a message.
TEST_P(Conformance, Rule1PayloadsMayLookLikeFrames) {
  open();
  constexpr std::string_view kSmallestFrame = "\x05\x0D\xF1\xF0\xFE\xC5";
  Message message = sample(0, 0);
  for (int i = 0; i < 2000; ++i) {
    const ByteView frame = as_byte_view(kSmallestFrame);
    message.payload.insert(message.payload.end(), frame.begin(), frame.end());
  }
  must_send(message);
  must_send(1, 10);
  must_receive(message);
  must_receive(1, 10);
  must_receive_nothing();
}

TEST_P(Conformance, Rule1OriginArrivesWithTheMessage) {
  open();
  if (!carries_origin()) GTEST_SKIP() << "Capabilities::carries_origin is not offered";
  must_send(0, 10);
  must_send(1, 10);
  Message relayed = sample(2, 10);
  relayed.origin = Origin{.writer = 0xFEDCBA9876543210, .sequence = 41};
  relayed.sent_unix_nanos = 1'700'000'000'123'456'789;
  relayed.hops = 3;
  must_send(relayed);
  Message unknown = sample(3, 10);
  unknown.origin = Origin{};
  must_send(unknown);

  std::vector<Message> arrived;
  for (MessageView view; arrived.size() < 4; arrived.emplace_back(view)) {
    ASSERT_EQ(receiver_->receive(view, soon()), ReceiveResult::received);
    ASSERT_TRUE(view.origin.has_value());
  }
  EXPECT_NE(arrived[0].origin->writer, 0U);
  EXPECT_EQ(arrived[0].origin->sequence, 1U);
  EXPECT_EQ(arrived[1].origin->writer, arrived[0].origin->writer);
  EXPECT_EQ(arrived[1].origin->sequence, 2U);
  EXPECT_EQ(arrived[2].origin, relayed.origin);
  EXPECT_EQ(arrived[2].sent_unix_nanos, relayed.sent_unix_nanos);
  EXPECT_EQ(arrived[2].hops, relayed.hops);
  EXPECT_EQ(arrived[3].origin, Origin{});
}

}  // namespace
}  // namespace fifomq::conformance
