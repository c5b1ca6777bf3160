#include <sys/stat.h>

#include <fstream>

#include "certificate.hpp"
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

// Either end may bind. Where the sender does, it has one receiver, and that receiver one sender.
TransportUnderTest reliable(bool sender_binds) {
  const auto make_link = [=] {
    const auto folder = std::make_shared<TemporaryFolder>();
    const std::string connects = "zmq+reliable:ipc://" + folder->path() + "/socket?credit=512KiB";
    const std::string binds = "zmq+reliable:@ipc://" + folder->path() + "/socket?credit=512KiB";
    if (sender_binds) return Link{binds, connects, "", folder};
    return Link{connects, binds, connects, folder};
  };
  return {.name = sender_binds ? "reliable_sender_binds" : "reliable",
          .make_link = make_link,
          .opens_first = sender_binds ? OpensFirst::sender : OpensFirst::receiver,
          .commits_travel = true};
}

TransportUnderTest reliable_tcp() {
  const auto make_link = [] {
    const std::string address = "tcp://127.0.0.1:" + std::to_string(free_tcp_port());
    const std::string sender = "zmq+reliable:" + address + "?credit=512KiB";
    return Link{sender, "zmq+reliable:@" + address, sender};
  };
  return {
      .name = "reliable_tcp", .make_link = make_link, .commits_each = true, .commits_travel = true};
}

TransportUnderTest over_tcp() {
  const auto make_link = [] {
    const std::string address = "tcp://127.0.0.1:" + std::to_string(free_tcp_port());
    const std::string sender = "zmq+push:" + address;
    return Link{sender, "zmq+pull:@" + address, sender};
  };
  return {.name = "push_pull_tcp", .make_link = make_link};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  chmod(path.c_str(), 0600);
}

// Encrypted, the receiver letting in whom it knows.
Link link_with_keys(const std::string& sending, const std::string& receiving,
                    const std::string& options) {
  const auto folder = std::make_shared<TemporaryFolder>();
  const zeromq::Certificate server = zeromq::make_certificate();
  const zeromq::Certificate client = zeromq::make_certificate();
  const std::string at = folder->path() + "/";
  write_file(at + "server.key_secret", zeromq::secret_text(server).text);
  write_file(at + "server.pub", zeromq::public_text(server));
  write_file(at + "client.key_secret", zeromq::secret_text(client).text);
  write_file(at + "client.key", zeromq::public_text(client));
  const std::string address = "tcp://127.0.0.1:" + std::to_string(free_tcp_port());
  const std::string sender = "zmq+" + sending + ":" + address + "?curve_key=" + at +
                             "client.key_secret&curve_server=" + at + "server.pub" + options;
  return {sender,
          "zmq+" + receiving + ":@" + address + "?curve_key=" + at +
              "server.key_secret&curve_clients=" + folder->path() + options,
          sender, folder};
}

TransportUnderTest with_keys() {
  return {.name = "push_pull_curve",
          .make_link = [] { return link_with_keys("push", "pull", ""); }};
}

TransportUnderTest reliable_with_keys() {
  return {.name = "reliable_curve",
          .make_link = [] { return link_with_keys("reliable", "reliable", "&credit=512KiB"); },
          .commits_travel = true};
}

}  // namespace

std::vector<TransportUnderTest> transports_under_test() {
  return {over_ipc("push", "pull", true),
          over_ipc("pair", "pair", false),
          publishing(),
          over_tcp(),
          batching(),
          reliable(false),
          reliable(true),
          reliable_tcp(),
          with_keys(),
          reliable_with_keys()};
}

}  // namespace fifomq::conformance
