#include "conformance/suite.hpp"

namespace fifomq::conformance {

// Each case has a Registry, and with it queues, of its own.
std::vector<TransportUnderTest> transports_under_test() {
  const std::string queue = "memory:conformance";
  return {{.name = "memory",
           .make_link =
               [queue] {
                 return Link{queue, queue, queue};
               },
           .one_process_only = "a memory queue is inside one process"}};
}

}  // namespace fifomq::conformance
