// A sender that lets its relay be watched: those who ask are answered between two messages, and
// also while one of them waits for room.
#pragma once

#include <memory>
#include <utility>

#include <fifomq/forwarding.hpp>

#include "relay_status.hpp"

namespace fifomq {

// A try that finds no room leaves nothing of such a message behind. A larger one might be begun,
// and cancelled for having been tried.
bool leaves_in_one_piece(const MessageView& message);

class ObservedSender final : public ForwardingSender {
 public:
  ObservedSender(std::unique_ptr<Sender> to, RelayStatus& status)
      : ForwardingSender(std::move(to)), status_(status) {}

  SendResult send(const MessageView& message, Deadline deadline) override;
  SendResult flush(Deadline deadline) override;

 private:
  SendResult forward(const MessageView& message, Deadline deadline);

  RelayStatus& status_;
};

}  // namespace fifomq
