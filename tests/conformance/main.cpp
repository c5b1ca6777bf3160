// The program that runs the suite on one transport.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include <fifomq/transport.hpp>

#include "conformance/fixture.hpp"
#include "conformance/peer_process.hpp"
#include "conformance/suite.hpp"

namespace fifomq::conformance {
namespace {

INSTANTIATE_TEST_SUITE_P(Each, Conformance, testing::ValuesIn(transports_under_test()),
                         [](const auto& each) { return each.param.name; });

TEST(Enrolment, CoversEverySchemeOfTheTransport) {
  std::vector<std::string> senders;
  std::vector<std::string> receivers;
  for (const TransportUnderTest& enrolled : transports_under_test()) {
    const Link link = enrolled.make_link();
    senders.push_back(Endpoint::parse(link.sender).scheme());
    receivers.push_back(Endpoint::parse(link.receiver).scheme());
  }
  const Registry registry = transport_under_test();
  const auto schemes = registry.schemes();
  ASSERT_FALSE(schemes.empty());
  for (const SchemeInfo& scheme : schemes) {
    if (scheme.sender) {
      EXPECT_TRUE(std::ranges::count(senders, scheme.name) > 0)
          << "conformance.cpp enrols no sender of " << scheme.name;
    }
    if (scheme.receiver) {
      EXPECT_TRUE(std::ranges::count(receivers, scheme.name) > 0)
          << "conformance.cpp enrols no receiver of " << scheme.name;
    }
  }
}

}  // namespace
}  // namespace fifomq::conformance

int main(int argc, char** argv) {
  if (const auto peer_status = fifomq::conformance::run_as_peer(argc, argv)) return *peer_status;
  // Standard output may be what is tested, so the report leaves through a descriptor of its own
  // (glibc lets a program replace stdout).
  stdout = fdopen(dup(STDOUT_FILENO), "w");  // NOLINT(cppcoreguidelines-owning-memory)
  if (stdout == nullptr) return 1;
  testing::InitGoogleTest(&argc, argv);
  const int status = RUN_ALL_TESTS();
  std::fflush(stdout);
  return status;
}
