// SIGINT and SIGTERM as an orderly stop: the first one asks the relay to drain, and closes both
// ends when that takes too long; the second one ends the process at once. SIGHUP, where it is
// taken, asks for the settings to be read anew.
#pragma once

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "core/unique_fd.hpp"

namespace fifomq {

class StopSignals {
 public:
  enum class Hangup { leave, take };

  // Takes the signals from the calling thread and from every thread it starts later: made before
  // any other thread is.
  explicit StopSignals(Hangup hangup = Hangup::leave);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  StopSignals(StopSignals&&) = delete;
  StopSignals& operator=(StopSignals&&) = delete;
  ~StopSignals();

  // What is called from another thread, each once at most.
  struct Calls {
    std::function<void()> give_up;        // a drain has taken longer than its timeout
    std::function<void()> last_act = {};  // the process ends at once
  };
  // Starts to listen.
  void listen(std::chrono::nanoseconds drain_timeout, Calls calls);
  // For a stop that has not been asked for yet.
  void set_drain_timeout(std::chrono::nanoseconds timeout) { drain_timeout_ = timeout; }
  std::chrono::nanoseconds drain_timeout() const { return drain_timeout_.load(); }
  // Stops listening: nothing is called any more.
  void ignore();

  // The signal that asked to stop; 0 before that.
  int requested() const { return requested_.load(); }
  // Readable once a stop has been asked for.
  int poll_fd() const { return stop_.get(); }

  // Whether SIGHUP has come since this was asked last.
  bool take_reload();
  // Readable once it has come.
  int reload_poll_fd() const { return reload_.get(); }

 private:
  void run(const Calls& calls);
  int next_signal(std::chrono::nanoseconds timeout);

  sigset_t signals_{};
  core::UniqueFd received_;  // signalfd
  core::UniqueFd stop_;
  core::UniqueFd reload_;
  core::UniqueFd quit_;
  std::atomic<int> requested_ = 0;
  std::atomic<bool> reload_requested_ = false;
  std::atomic<std::chrono::nanoseconds> drain_timeout_{};
  std::thread thread_;
};

}  // namespace fifomq
