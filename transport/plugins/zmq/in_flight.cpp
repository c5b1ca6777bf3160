#include "in_flight.hpp"

namespace fifomq::zeromq {

struct InFlight::Block {
  std::shared_ptr<InFlight> owner;
  std::unique_ptr<std::byte[]> bytes;
  std::size_t size;
  bool withdrawn = false;

  // libzmq calls this from whichever thread lets go of the message last.
  static void free(void*, void* hint) {
    const std::unique_ptr<Block> block(static_cast<Block*>(hint));
    block->owner->let_go(*block);
  }
};

zmq::message_t InFlight::make_message(std::size_t size) {
  auto block = std::make_unique<Block>(
      Block{shared_from_this(), std::make_unique_for_overwrite<std::byte[]>(size), size});
  void* const data = block->bytes.get();
  messages_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(size, std::memory_order_relaxed);
  zmq::message_t message(data, size, &Block::free, block.get());
  latest_ = block.release();  // libzmq has it now
  return message;
}

void InFlight::withdraw_latest() { latest_->withdrawn = true; }

void InFlight::let_go(const Block& block) {
  bytes_.fetch_sub(block.size, std::memory_order_release);
  messages_.fetch_sub(1, std::memory_order_seq_cst);
  if (block.withdrawn || !notify_.load()) return;
  const std::lock_guard lock(mutex_);
  if (readiness_ != nullptr) readiness_->signal();
}

void InFlight::detach() {
  const std::lock_guard lock(mutex_);
  readiness_ = nullptr;
}

}  // namespace fifomq::zeromq
