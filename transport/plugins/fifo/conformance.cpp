#include "conformance/suite.hpp"

namespace fifomq::conformance {

std::vector<TransportUnderTest> transports_under_test() {
  const auto make_link = [] {
    const auto folder = std::make_shared<TemporaryFolder>();
    const std::string fifo = "fifo:" + folder->path() + "/fifo";
    return Link{fifo, fifo, fifo, folder};
  };
  return {{.name = "fifo", .make_link = make_link},
          {.name = "fifo_commit", .make_link = make_link, .commits_each = true}};
}

}  // namespace fifomq::conformance
