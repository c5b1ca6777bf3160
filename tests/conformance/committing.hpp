// Explicit commit for cases that know nothing of it.
#pragma once

#include <fifomq/transport.hpp>

namespace fifomq::conformance {

// From here on, in this process and in those it starts: whether registry_under_test() gives a
// transport whose receivers commit each message as soon as they have received it. Those that a case
// opens with explicit_commit itself are left to the case.
void commit_each(bool on);
bool commits_each();

// What the cases open their channels with.
Registry registry_under_test();

}  // namespace fifomq::conformance
