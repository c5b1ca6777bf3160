// The program that runs the suite on one transport.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include <fifomq/builtin.hpp>
#include <fifomq/transport.hpp>

#include "conformance/committing.hpp"
#include "conformance/fixture.hpp"
#include "conformance/peer_process.hpp"

namespace fifomq {

namespace plugins {
std::unique_ptr<Transport> FIFOMQ_MAKE_TRANSPORT();
}

namespace conformance {

Registry registry_under_test() {
  Registry registry;
  auto transport = plugins::FIFOMQ_MAKE_TRANSPORT();
  registry.add(commits_each() ? with_commits(std::move(transport)) : std::move(transport));
  return registry;
}

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
  const auto transport = plugins::FIFOMQ_MAKE_TRANSPORT();
  ASSERT_FALSE(transport->schemes().empty());
  const auto builtin = builtin_transports().schemes();
  for (const SchemeInfo& scheme : transport->schemes()) {
    EXPECT_TRUE(std::ranges::count(builtin, scheme.name, &SchemeInfo::name) > 0)
        << scheme.name << " is not built in";
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
}  // namespace conformance
}  // namespace fifomq

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
