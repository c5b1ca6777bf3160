// The ledger at the end of a run, for the log.
#pragma once

#include <fifomq/log.hpp>

#include "relay_snapshot.hpp"

namespace fifomq {

// A line for each end with every counter that is not zero, and one for the relay. With `always`
// unset, only when something was lost, damaged or dropped.
void report(const ObservedRelay& relay, bool always, const LogSink& log);

}  // namespace fifomq
