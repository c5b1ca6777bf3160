#include "memory_queue.hpp"

#include <utility>

namespace fifomq::memory {

void Queue::add_sender(core::Readiness& sender) {
  const std::lock_guard lock(mutex_);
  senders_.push_back(&sender);
  had_sender_ = true;
  sender.signal();
}

void Queue::remove_sender(core::Readiness& sender) {
  const std::lock_guard lock(mutex_);
  std::erase(senders_, &sender);
  if (receiver_ != nullptr) receiver_->signal();
}

bool Queue::set_receiver(core::Readiness& receiver) {
  const std::lock_guard lock(mutex_);
  if (receiver_ != nullptr) return false;
  receiver_ = &receiver;
  receiver.signal();
  wake_senders();
  return true;
}

void Queue::clear_receiver() {
  const std::lock_guard lock(mutex_);
  receiver_ = nullptr;
}

Queue::Push Queue::push(const MessageView& message, core::Readiness& end) {
  const std::lock_guard lock(mutex_);
  const bool full = !messages_.empty() && bytes_ + message.payload.size() > capacity_bytes_;
  if (receiver_ == nullptr || full) {
    end.clear();
    return receiver_ == nullptr ? Push::no_receiver : Push::full;
  }
  messages_.emplace_back(message);
  bytes_ += message.payload.size();
  receiver_->signal();
  return Push::done;
}

Queue::Pop Queue::pop(Message& message, core::Readiness& end) {
  const std::lock_guard lock(mutex_);
  if (messages_.empty()) {
    end.clear();
    return had_sender_ && senders_.empty() ? Pop::no_sender : Pop::empty;
  }
  message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= message.payload.size();
  wake_senders();
  return Pop::done;
}

std::size_t Queue::size() const {
  const std::lock_guard lock(mutex_);
  return messages_.size();
}

void Queue::wake_senders() {
  for (core::Readiness* sender : senders_) sender->signal();
}

}  // namespace fifomq::memory
