// Which messages libzmq still holds. It does not tell how much of its queue has left the process,
// but it gives each message's memory back when it has, and that can be counted.
#pragma once

#include <zmq.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/readiness.hpp"

namespace fifomq::zeromq {

// Shared by a sender and the messages it made, which may outlive it inside libzmq.
class InFlight : public std::enable_shared_from_this<InFlight> {
 public:
  explicit InFlight(core::Readiness& readiness) : readiness_(&readiness) {}

  // A message of `size` bytes, counted until libzmq lets go of it.
  zmq::message_t make_message(std::size_t size);

  // The message made last will not be sent: its release tells the sender nothing new.
  void withdraw_latest();

  std::uint64_t messages() const { return messages_.load(std::memory_order_acquire); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_acquire); }

  // From now on each message that is let go signals the sender's readiness.
  void notify(bool wanted) { notify_.store(wanted); }
  // The sender is going.
  void detach();

 private:
  struct Block;

  void let_go(const Block& block);

  std::atomic<std::uint64_t> messages_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> notify_{false};
  Block* latest_ = nullptr;  // the sender's alone
  std::mutex mutex_;
  core::Readiness* readiness_;  // null once detached; under mutex_
};

}  // namespace fifomq::zeromq
