// What both ends do about fork(), which libnats does not survive.
#pragma once

#include <mutex>
#include <shared_mutex>

#include <fifomq/endpoint.hpp>
#include <fifomq/error.hpp>

#include "core/identity.hpp"
#include "core/readiness.hpp"

namespace fifomq::jetstream {

// Throws in a child, where the end is a copy of its parent's.
inline void check_owner(const core::Readiness& readiness, const Endpoint& endpoint) {
  if (!readiness.is_copy()) return;
  throw Error(Errc::in_use, endpoint.text(),
              "a forked child cannot use its parent's connection to NATS");
}

// Not held while the process forks: what the mutex guards is whole in a child, where no thread is
// that would give it back.
class ForkSafeLock {
 public:
  explicit ForkSafeLock(std::mutex& mutex) : no_fork_(core::fork_mutex()), mutex_(mutex) {}

  void lock() {
    no_fork_.lock();
    mutex_.lock();
  }
  void unlock() {
    mutex_.unlock();
    no_fork_.unlock();
  }

 private:
  std::shared_lock<std::shared_mutex> no_fork_;
  std::unique_lock<std::mutex> mutex_;
};

}  // namespace fifomq::jetstream
