// The ledger at the end of a run, for the log.
#pragma once

#include <fifomq/relay.hpp>

namespace fifomq {

// A line for each end with every counter that is not zero, and one for the relay. With `always`
// unset, only when something was lost, damaged or dropped.
void report(const Relay& relay, const Receiver& from, const Sender& to, bool always,
            const LogSink& log);

}  // namespace fifomq
