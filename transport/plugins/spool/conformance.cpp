#include "conformance/suite.hpp"

namespace fifomq::conformance {

std::vector<TransportUnderTest> transports_under_test() {
  const auto link_with = [](const std::string& options) {
    return [options] {
      const auto folder = std::make_shared<TemporaryFolder>();
      const std::string spool = "spool:" + folder->path() + "/spool?size=1MiB" + options;
      return Link{.sender = spool, .receiver = spool, .holds = folder};
    };
  };
  return {{.name = "spool", .make_link = link_with(""), .settles_by_itself = true},
          {.name = "spool_commit",
           .make_link = link_with("&sync=interval=10ms"),
           .commits_each = true,
           .settles_by_itself = true}};
}

}  // namespace fifomq::conformance
