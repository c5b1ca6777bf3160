// What a running relay tells those who ask from other threads. A channel end belongs to one thread,
// so nobody else reads its counters: the relay's thread writes them down when it is asked, and
// before a call in which it may wait for long. So every answer is a ledger between two calls, and
// nothing is counted twice for it while messages flow.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "core/unique_fd.hpp"
#include "relay_snapshot.hpp"

namespace fifomq {

class RelayStatus {
 public:
  RelayStatus();

  // The relay's thread: from here on until end() it answers.
  void begin(const ObservedRelay& relay);
  // It takes what is left to its end; why, is for people.
  void stop(std::string why);
  void end() noexcept;

  // Somebody has asked; answer() soon. Costs one load.
  bool asked() const noexcept { return asked_.load(std::memory_order_relaxed); }
  int poll_fd() const noexcept { return question_.get(); }  // readable while asked()
  void answer();
  void add_latency(std::chrono::duration<double> age) { latency_.add(age); }

  // While it lives, what stood when it was made is the answer: the relay's thread may be waiting.
  class Waiting {
   public:
    explicit Waiting(RelayStatus& status);
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    Waiting(Waiting&&) = delete;
    Waiting& operator=(Waiting&&) = delete;
    ~Waiting();

   private:
    RelayStatus& status_;
  };

  struct Answer {
    std::optional<RelaySnapshot> snapshot;  // the latest; nothing before begin()
    std::string ailment;                    // why the relay is not at its work; empty when it is
  };
  // Any thread: waits for the relay's thread, for at most so long.
  Answer ask(std::chrono::nanoseconds patience);

 private:
  enum class State { opening, running, stopping, ended };

  std::uint64_t take_question();
  void publish(bool waiting);

  // The relay's thread alone.
  std::optional<ObservedRelay> relay_;
  LatencyCounts latency_;

  std::atomic<bool> asked_ = false;
  core::UniqueFd question_;  // eventfd

  std::mutex mutex_;
  std::condition_variable answered_;
  State state_ = State::opening;
  std::string why_ = "the relay has not begun yet";
  bool waiting_ = false;
  std::uint64_t questions_ = 0;
  std::uint64_t answers_ = 0;  // the question up to which `latest_` is the answer
  std::optional<RelaySnapshot> latest_;
};

}  // namespace fifomq
