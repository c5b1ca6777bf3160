// What the ends of one `memory:NAME` share.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <fifomq/message.hpp>

#include "core/readiness.hpp"

namespace fifomq::memory {

// Bounded by the payload bytes in it, like a pipe; one message always fits. Safe from any thread;
// each end's Readiness is signalled under the lock, so no wake-up is lost.
class Queue {
 public:
  enum class Push { done, full, no_receiver };
  enum class Pop { done, empty, no_sender };

  explicit Queue(std::uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  void add_sender(core::Readiness& sender);
  void remove_sender(core::Readiness& sender);
  // False when there is one already.
  bool set_receiver(core::Readiness& receiver);
  void clear_receiver();

  // On failure `end` is cleared, and signalled again when another try may succeed.
  Push push(const MessageView& message, core::Readiness& end);
  // no_sender: empty, and the last of the senders has left.
  Pop pop(Message& message, core::Readiness& end);

  std::size_t size() const;

 private:
  void wake_senders();

  const std::uint64_t capacity_bytes_;
  mutable std::mutex mutex_;
  std::deque<Message> messages_;
  std::uint64_t bytes_ = 0;
  std::vector<core::Readiness*> senders_;
  core::Readiness* receiver_ = nullptr;
  bool had_sender_ = false;
};

}  // namespace fifomq::memory
