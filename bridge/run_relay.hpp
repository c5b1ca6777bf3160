// Runs a relay until its input ends, it is told to stop, or nothing has come for a while.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <fifomq/relay.hpp>

#include "loss_log.hpp"
#include "relay_status.hpp"
#include "service_manager.hpp"
#include "stop_signals.hpp"

namespace fifomq {

// What may change while the relay runs.
struct RunTimes {
  std::optional<std::chrono::nanoseconds> idle_exit;
  // After half of it nothing more is taken in, where it can be left; the rest is for what was.
  std::chrono::nanoseconds drain_timeout;
};

// Who is told how it goes.
struct Observers {
  ServiceManager& manager;
  RelayStatus* status = nullptr;
  LogSink losses{};  // where it says what it loses while it runs
};

// Runs one relay, in the caller's thread.
class Runner {
 public:
  // All of them outlive the runner. `reload` gives new times, when the signal for it has come.
  Runner(Receiver& from, Sender& to, StopSignals& signals, Observers observers, RunTimes times,
         std::function<RunTimes(const RunTimes&)> reload);

  // Ends with everything flushed that can be within the drain timeout. Returns what flush() said.
  SendResult run(Relay& relay);

  // For RelayOptions::check_in of that relay.
  Deadline check_in(unsigned tries);

 private:
  void relay_all();
  void come_by();
  void show_life();
  void begin_to_stop();
  bool wait(bool owes);
  std::string why_it_ends() const;
  SendResult finish();
  void await_acknowledgements(Deadline deadline);

  Receiver& from_;
  Sender& to_;
  StopSignals& signals_;
  const Observers observers_;
  ServiceManager& manager_;
  RunTimes times_;
  const std::function<RunTimes(const RunTimes&)> reload_;
  Relay* relay_ = nullptr;  // while it runs
  std::optional<LossLog> losses_;
  Deadline::Clock::time_point last_moved_ = Deadline::Clock::now();
  bool stopping_ = false;
  Deadline takes_until_ = Deadline::never();
  std::uint64_t abandoned_ = 0;
};

}  // namespace fifomq
