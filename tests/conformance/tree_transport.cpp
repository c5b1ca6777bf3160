// A transport of this tree, for its program of the suite.
#include <gtest/gtest.h>

#include <algorithm>

#include <fifomq/builtin.hpp>

#include "conformance/suite.hpp"

namespace fifomq {

namespace plugins {
std::unique_ptr<Transport> FIFOMQ_MAKE_TRANSPORT();
}

namespace conformance {

Registry transport_under_test() {
  Registry registry;
  registry.add(plugins::FIFOMQ_MAKE_TRANSPORT());
  return registry;
}

namespace {

TEST(Enrolment, EverySchemeIsBuiltIn) {
  const auto builtin = builtin_transports().schemes();
  for (const SchemeInfo& scheme : transport_under_test().schemes()) {
    EXPECT_TRUE(std::ranges::count(builtin, scheme.name, &SchemeInfo::name) > 0) << scheme.name;
  }
}

}  // namespace
}  // namespace conformance
}  // namespace fifomq
