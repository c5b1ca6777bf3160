// What one channel end waits for: descriptors, a signal from inside the process, and its own
// closing. One epoll set, which is both what poll_fd() gives out and what blocked calls sleep on.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include <fifomq/deadline.hpp>

#include "core/identity.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::core {

// poll(2) by a deadline, whatever signals come: how many of the descriptors are ready, 0 when it
// has passed.
int wait_for(std::span<pollfd> descriptors, Deadline deadline) noexcept;

class Readiness {
 public:
  explicit Readiness(std::string endpoint);

  int fd() const noexcept { return epoll_.get(); }

  // `events` as for epoll_ctl; the descriptor stays the caller's and is forgotten before it is
  // closed.
  void watch(int fd, std::uint32_t events);
  void forget(int fd) noexcept;

  // Ready from now on, until clear(), without any descriptor saying so. Safe from any thread.
  void signal() noexcept;
  void clear() noexcept;
  // The same as signal(), for the thread that calls clear().
  void stay_signalled() noexcept {
    if (!signalled_.load(std::memory_order_relaxed)) signal();
  }

  // What is watched with EPOLLET makes this ready once for each thing that happens to it. From now
  // on for what happens from now on: called before the last look, which sees all that happened
  // before.
  void take_edges() const noexcept;

  // Until something is ready (true) or the deadline has passed (false).
  bool wait(Deadline deadline) const noexcept;

  // Ready for good. Safe from any thread. A child's copy closes itself alone.
  void close() noexcept;
  // For the owner's own last wait, after close().
  void ignore_close() noexcept { forget(closing_.get()); }
  bool closed() const noexcept { return closed_.load(); }

  // Whether this is a child's copy, whose descriptors are its parent's too.
  bool is_copy() const noexcept { return generation_.load() != fork_generation(); }
  // Makes a copy independent. fd() stays the same number; what was watched is to be watched again.
  void renew();

 private:
  void watch_own();

  std::string endpoint_;
  UniqueFd epoll_;
  UniqueFd signal_;
  UniqueFd closing_;
  std::atomic<bool> signalled_ = false;
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint64_t> generation_ = fork_generation();
};

}  // namespace fifomq::core
