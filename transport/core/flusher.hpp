// A thread that takes turns at something while it is wanted, and sleeps otherwise.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/unique_fd.hpp"

namespace fifomq::core {

class Flusher {
 public:
  // When the next turn is: after `pause`, or never until arm(); earlier when `fd` becomes readable.
  struct Next {
    std::optional<std::chrono::nanoseconds> pause;
    int fd = -1;
  };

  using Turn = std::function<Next(bool woken_by_descriptor)>;
  enum class Forks {
    wait,   // for the turn that is running
    go_on,  // a turn that may take long holds fork_mutex() itself, where it has to
  };

  // `turn` runs in the thread, never while this process forks unless `forks` says so. The thread is
  // called "fifomq-flush", blocks all signals, and starts here. Throws Error.
  Flusher(const std::string& endpoint, Turn turn, Forks forks = Forks::wait);
  // Waits for the turn that is running.
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;
  Flusher(Flusher&&) = delete;
  Flusher& operator=(Flusher&&) = delete;

  // For the copy in a forked child: its thread is not here, and cannot be joined.
  static void leave_to_parent(std::unique_ptr<Flusher> copy);

  // A turn from now on as soon as the thread runs.
  void arm() noexcept;

 private:
  void run(const std::stop_token& stop);
  Next take_turn(bool woken_by_descriptor);
  bool sleep(const Next& next);

  const Turn turn_;
  const Forks forks_;
  UniqueFd wake_;
  std::jthread thread_;
};

}  // namespace fifomq::core
