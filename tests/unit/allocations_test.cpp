// In steady state, messages that come and go make no allocation of ours.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/relay.hpp>

#include "conformance/suite.hpp"
#include "support/live_memory.hpp"
#include "support/soon.hpp"

namespace fifomq {
namespace {

using test::soon;

constexpr int kAtOnce = 40;
constexpr int kRounds = 125;  // in one part; as many come before the first
constexpr int kParts = 7;

struct Way {
  std::string name;
  std::string sender;  // %: a folder for the test
  std::string receiver;
  std::string onward_sender;  // with these the messages are relayed
  std::string onward_receiver;
};

class Allocations : public testing::TestWithParam<Way> {
 protected:
  std::string placed(std::string endpoint) const {
    if (const std::size_t at = endpoint.find('%'); at != std::string::npos) {
      endpoint.replace(at, 1, folder_.path());
    }
    return endpoint;
  }
  std::unique_ptr<Sender> sender(const std::string& endpoint) {
    return registry_.open_sender(placed(endpoint));
  }
  std::unique_ptr<Receiver> receiver(const std::string& endpoint) {
    return registry_.open_receiver(placed(endpoint));
  }

  conformance::TemporaryFolder folder_;
  Registry registry_ = builtin_transports();
};

TEST_P(Allocations, AMessageMakesNone) {
  const auto in = receiver(GetParam().receiver);
  const auto out = sender(GetParam().sender);
  const bool relays = !GetParam().onward_sender.empty();
  const auto onward_in = relays ? receiver(GetParam().onward_receiver) : nullptr;
  const auto onward_out = relays ? sender(GetParam().onward_sender) : nullptr;
  std::unique_ptr<Relay> relay;
  if (relays) relay = std::make_unique<Relay>(*in, *onward_out, RelayOptions{});
  Receiver& last = relays ? *onward_in : *in;
  for (const std::size_t size : {64U, 1024U}) {
    const std::string payload(size, 'p');
    std::uint64_t fewest = std::numeric_limits<std::uint64_t>::max();  // in one part
    std::uint64_t before = 0;
    for (int round = 0; round <= kRounds * (1 + kParts); ++round) {
      if (round > kRounds && round % kRounds == 0) {
        fewest = std::min(fewest, test::allocations() - before);
      }
      if (round % kRounds == 0) before = test::allocations();
      for (int i = 0; i < kAtOnce; ++i) {
        ASSERT_EQ(out->send({.payload = as_byte_view(payload)}, soon()), SendResult::sent);
      }
      out->flush(soon());
      for (int i = 0; i < kAtOnce;) {
        MessageView message;
        const ReceiveResult result = last.receive(message, relays ? Deadline::now() : soon());
        if (result == ReceiveResult::received) {
          ASSERT_EQ(message.payload.size(), size);
          ++i;
        } else {
          ASSERT_TRUE(relays) << "nothing arrives";
          relay->step();
          onward_out->flush(Deadline::now());
        }
      }
    }
    // Now and then a queue of memory blocks grows by one, and a batch has a size that none had;
    // what a message costs, it costs in every part.
    EXPECT_LT(fewest, kRounds * kAtOnce / 1'000) << size << " bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Each, Allocations,
    testing::Values(
        Way{"fifo", "fifo:%/pipe", "fifo:%/pipe", "", ""},
        Way{"zmq", "zmq+push:ipc://%/socket", "zmq+pull:@ipc://%/socket", "", ""},
        Way{"zmq_batch", "zmq+push:ipc://%/socket?batch=64KiB", "zmq+pull:@ipc://%/socket", "", ""},
        Way{"zmq_reliable", "zmq+reliable:ipc://%/socket", "zmq+reliable:@ipc://%/socket", "", ""},
        Way{"bridge_reliable", "fifo:%/pipe", "fifo:%/pipe", "zmq+reliable:ipc://%/socket",
            "zmq+reliable:@ipc://%/socket"},
        Way{"bridge", "fifo:%/pipe", "fifo:%/pipe", "zmq+push:ipc://%/socket",
            "zmq+pull:@ipc://%/socket"}),
    [](const auto& named) { return named.param.name; });

}  // namespace
}  // namespace fifomq
