// Runs a relay until its input ends, it is told to stop, or nothing has come for a while.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <fifomq/relay.hpp>

#include "core/unique_fd.hpp"
#include "ending.hpp"
#include "loss_log.hpp"
#include "relay_status.hpp"
#include "service_manager.hpp"
#include "status_line.hpp"
#include "stop_signals.hpp"

namespace fifomq {

using IdleExit = std::optional<std::chrono::nanoseconds>;

// What ends a relay beside a signal and its own ends.
struct EndsWhen {
  IdleExit idle{};  // nothing has come for so long
  // Gives it anew, when the signal for that has come. One relay of a process has this.
  std::function<IdleExit(IdleExit)> reload{};
  // What feeds FROM has ended, and FROM has no more.
  const Ending* fed = nullptr;
};

// Who is told how it goes.
struct Observers {
  ServiceManager& manager;
  RelayStatus* status = nullptr;
  StatusLine* line = nullptr;
  LogSink losses{};  // where it says what it loses while it runs
};

// Runs one relay, in the caller's thread.
class Runner {
 public:
  // All of them outlive the runner.
  Runner(Receiver& from, Sender& to, StopSignals& signals, Observers observers, EndsWhen ends_when);

  // Ends with everything flushed that can be within the drain timeout. Asked to stop, it takes
  // nothing more in after half of that, where it can be left. Returns what flush() said.
  SendResult run(Relay& relay);

  // For RelayOptions::check_in of that relay.
  Deadline check_in(const MessageView& message, unsigned tries);

 private:
  void relay_all();
  void come_by();
  void come_by_waiting(const MessageView& message);
  void show_life();
  void look_at_line() const;
  Deadline due() const;
  void begin_to_stop();
  bool wait(bool owes);
  bool told_to_end() const;
  std::string why_it_ends() const;
  SendResult finish();
  void await_acknowledgements(Deadline deadline);
  void wait_for_acknowledgement(Deadline deadline);
  int acknowledgement_fd();

  Receiver& from_;
  Sender& to_;
  StopSignals& signals_;
  const Observers observers_;
  ServiceManager& manager_;
  WatchedLoop loop_;
  EndsWhen ends_when_;
  const bool settles_;  // it matters when TO has settled a message: FROM or the far end keeps it
  Relay* relay_ = nullptr;  // while it runs
  std::optional<LossLog> losses_;
  core::UniqueFd happenings_;  // at TO, where it matters
  Deadline::Clock::time_point last_moved_ = Deadline::Clock::now();
  Deadline answer_due_ = Deadline::never();  // to those who ask from other threads
  bool stopping_ = false;
  Deadline takes_until_ = Deadline::never();
  std::uint64_t abandoned_ = 0;
};

}  // namespace fifomq
