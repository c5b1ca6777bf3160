// Runs a relay until its input ends, it is told to stop, or nothing has come for a while.
#pragma once

#include <chrono>
#include <optional>

#include <fifomq/relay.hpp>

#include "relay_status.hpp"
#include "stop_signals.hpp"

namespace fifomq {

struct RunOptions {
  std::optional<std::chrono::nanoseconds> idle_exit;
  std::chrono::nanoseconds drain_timeout;
  RelayStatus* status = nullptr;  // whom it tells how it is doing
  LogSink losses{};               // where it says what it loses while it runs
};

// Ends with everything flushed that can be within `drain_timeout`. Returns what flush() said.
SendResult run_relay(Relay& relay, Receiver& from, Sender& to, const StopSignals& stop,
                     const RunOptions& options);

}  // namespace fifomq
