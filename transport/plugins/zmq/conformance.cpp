#include "conformance/suite.hpp"

namespace fifomq::conformance {
namespace {

TransportUnderTest over_ipc(const std::string& sending, const std::string& receiving,
                            bool takes_several) {
  const auto make_link = [=] {
    const auto folder = std::make_shared<TemporaryFolder>();
    const std::string address = "ipc://" + folder->path() + "/socket";
    const std::string sender = "zmq+" + sending + ":" + address;
    return Link{sender, "zmq+" + receiving + ":@" + address, takes_several ? sender : "", folder};
  };
  return {.name = sending + "_" + receiving, .make_link = make_link};
}

// A publisher binds, and with wait_peers it has a subscriber before the first message.
TransportUnderTest publishing() {
  const auto make_link = [] {
    const auto folder = std::make_shared<TemporaryFolder>();
    const std::string address = "ipc://" + folder->path() + "/socket";
    return Link{"zmq+pub:@" + address + "?wait_peers=1", "zmq+sub:" + address, "", folder};
  };
  return {.name = "pub_sub", .make_link = make_link, .opens_first = OpensFirst::sender};
}

TransportUnderTest batching() {
  TransportUnderTest transport = over_ipc("push", "pull", true);
  transport.name = "push_pull_batch";
  transport.make_link = [make_link = transport.make_link] {
    Link link = make_link();
    link.sender += "?batch=64KiB";
    if (!link.second_sender.empty()) link.second_sender += "?batch=64KiB";
    return link;
  };
  return transport;
}

TransportUnderTest over_tcp() {
  const auto make_link = [] {
    const std::string address = "tcp://127.0.0.1:" + std::to_string(free_tcp_port());
    const std::string sender = "zmq+push:" + address;
    return Link{sender, "zmq+pull:@" + address, sender};
  };
  return {.name = "push_pull_tcp", .make_link = make_link};
}

}  // namespace

std::vector<TransportUnderTest> transports_under_test() {
  return {over_ipc("push", "pull", true), over_ipc("pair", "pair", false), publishing(), over_tcp(),
          batching()};
}

}  // namespace fifomq::conformance
