#include "conformance/suite.hpp"
#include "nats_server_test.hpp"

namespace fifomq::conformance {
namespace {

// The same for all cases of a process; each has a stream of its own.
test::NatsServer& server() {
  static test::NatsServer server;
  return server;
}

Link make_link(const std::string& options) {
  static int streams = 0;
  const std::string name = "conformance" + std::to_string(++streams);
  const std::string endpoint = "nats:" + name + "@" + server().address() + "?stream=" + name +
                               "&create=queue&storage=memory&max_messages=1000";
  return {endpoint + options, endpoint, endpoint + options};
}

}  // namespace

std::vector<TransportUnderTest> transports_under_test() {
  return {{.name = "nats", .make_link = [] { return make_link(""); }, .settles_by_itself = true},
          {.name = "nats_batch",
           .make_link = [] { return make_link("&batch=64KiB"); },
           .settles_by_itself = true,
           .commits_travel = true}};
}

}  // namespace fifomq::conformance
