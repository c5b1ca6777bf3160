// Runs a bridge's relays to their end, and says how that went. There is one, or where something
// stands between its two ends, two: a leg that fills it, and a leg that empties it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <fifomq/relay.hpp>

#include "commands.hpp"
#include "run_relay.hpp"

namespace fifomq {

struct Leg {
  Receiver& from;
  Sender& to;
  RelayOptions options{};
  IdleExit idle_exit{};
  std::function<IdleExit(IdleExit)> reload{};
  RelayStatus* status = nullptr;
  StatusLine* line = nullptr;
};

struct Run {
  std::vector<Leg> legs;  // each fills what the next one empties
  std::chrono::nanoseconds drain_timeout;
  // A service reports always, and a message that cannot be carried is no failure of it. A command
  // reports what is amiss, and has failed then.
  bool is_service;
  ServiceManager& manager;
  LogSink losses{};
  // Said once it is at work, in short and whole.
  std::string pair{};
  std::string beginning{};
};

// The last leg runs in the caller's thread, each other one in its own. Returns the exit status.
// Throws what a leg has thrown, once all have ended.
int run_to_end(const Run& run, StopSignals& stop, const Console& console);

}  // namespace fifomq
