// Runs a relay until its input ends, it is told to stop, or nothing has come for a while.
#pragma once

#include <chrono>
#include <optional>

#include <fifomq/relay.hpp>

#include "stop_signals.hpp"

namespace fifomq {

// Ends with everything flushed that can be within `drain_timeout`. Returns what flush() said.
SendResult run_relay(Relay& relay, Receiver& from, Sender& to, const StopSignals& stop,
                     std::optional<std::chrono::nanoseconds> idle_exit,
                     std::chrono::nanoseconds drain_timeout);

}  // namespace fifomq
