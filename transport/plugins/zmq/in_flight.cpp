#include "in_flight.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace fifomq::zeromq {
namespace {

constexpr std::uint16_t kNotKept = 0xFFFF;

// Memory of earlier messages that is kept for later ones.
constexpr std::uint64_t kMostFreeBytes = std::uint64_t{8} << 20;

}  // namespace

// Stands in front of the bytes of its message.
struct alignas(InFlight::kHeadBytes) InFlight::Block {
  InFlight* owner = nullptr;
  Block* next = nullptr;
  std::size_t size = 0;
  std::uint32_t messages = 0;
  std::uint16_t size_class = kNotKept;
  bool withdrawn = false;

  static constexpr std::align_val_t kAlignment{InFlight::kHeadBytes};

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }

  static Block* make(std::size_t bytes_in_all, std::uint16_t size_class) {
    void* const memory = ::operator new(bytes_in_all, kAlignment);
    return std::construct_at(static_cast<Block*>(memory), Block{.size_class = size_class});
  }
  static void destroy(Block* block) {
    std::destroy_at(block);
    ::operator delete(block, kAlignment);
  }
};

constinit const InFlight::Block InFlight::kWatched;
constinit const InFlight::Block InFlight::kLeft;

InFlight::~InFlight() {
  static_assert(sizeof(Block) == kHeadBytes);
  if (draft_ != nullptr) Block::destroy(draft_);
  for (Block* block : free_) {
    while (block != nullptr) Block::destroy(std::exchange(block, block->next));
  }
}

std::byte* InFlight::make(zmq::message_t& message, std::size_t size) {
  Block& block = *take_block(size);
  hand_to(message, block, size, 1);
  return block.bytes();
}

std::byte* InFlight::draft(std::size_t size) {
  if (draft_ == nullptr) draft_ = take_block(size);
  return draft_->bytes();
}

void InFlight::finish_draft(zmq::message_t& message, std::size_t size, std::uint64_t messages) {
  hand_to(message, *std::exchange(draft_, nullptr), size, messages);
}

void InFlight::finish_draft_copied(zmq::message_t& message, std::size_t size,
                                   std::uint64_t messages) {
  Block& block = *take_block(size);
  std::memcpy(block.bytes(), draft_->bytes(), size);
  hand_to(message, block, size, messages);
}

// From here on libzmq has it.
void InFlight::hand_to(zmq::message_t& message, Block& block, std::size_t size,
                       std::uint64_t messages) {
  block.owner = this;
  block.size = size;
  block.messages = static_cast<std::uint32_t>(messages);
  block.withdrawn = false;
  message.rebuild(block.bytes(), size, &InFlight::free, &block);
  latest_ = &block;
  ++made_;
  made_messages_ += messages;
  made_bytes_ += size;
}

InFlight::Block* InFlight::take_block(std::size_t size) {
  const std::size_t wanted = size + sizeof(Block);
  if (wanted > kLargestKept) return Block::make(wanted, kNotKept);
  const std::uint16_t size_class = size_class_of(wanted);
  Block*& first = free_[size_class];
  if (first == nullptr) sort_returned();
  if (first == nullptr) return Block::make(bytes_of_class(size_class), size_class);
  free_bytes_ -= bytes_of_class(size_class);
  return std::exchange(first, first->next);
}

void InFlight::sort_returned() {
  if (!watched_) return take_back(returned_.exchange(nullptr, std::memory_order_acquire));
  const std::lock_guard lock(mutex_);
  take_back(std::exchange(returned_watched_, nullptr));
}

void InFlight::take_back(Block* returned) {
  while (returned != nullptr) {
    Block& block = *std::exchange(returned, returned->next);
    ++back_;
    back_messages_ += block.messages;
    back_bytes_ += block.size;
    keep(block);
  }
}

void InFlight::keep(Block& block) {
  const bool can_be_kept = block.size_class != kNotKept;
  const std::size_t bytes = can_be_kept ? bytes_of_class(block.size_class) : 0;
  if (!can_be_kept || free_bytes_ + bytes > kMostFreeBytes) return Block::destroy(&block);
  Block*& first = free_[block.size_class];
  block.next = std::exchange(first, &block);
  free_bytes_ += bytes;
}

void InFlight::withdraw_latest() { latest_->withdrawn = true; }

std::uint64_t InFlight::messages() {
  sort_returned();
  return made_messages_ - back_messages_;
}

bool InFlight::within(std::uint64_t most_bytes) {
  if (made_bytes_ - back_bytes_ <= most_bytes) return true;
  sort_returned();
  return made_bytes_ - back_bytes_ <= most_bytes;
}

// What has come back by now is counted here, and from now on there.
void InFlight::notify_at(std::uint64_t messages) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(watched_, true)) take_back(returned_.exchange(mark(kWatched)));
  take_back(std::exchange(returned_watched_, nullptr));
  to_go_ = static_cast<std::int64_t>(made_messages_ - back_messages_ - messages);
}

void InFlight::stop_watching() {
  const std::lock_guard lock(mutex_);
  watched_ = false;
  returned_.store(std::exchange(returned_watched_, nullptr));
}

// libzmq calls this from whichever thread lets go of the message last.
void InFlight::free(void* /*data*/, void* hint) {
  auto* const block = static_cast<Block*>(hint);
  block->owner->let_go(*block);
}

// Once a block is returned, nothing here may be touched any more: it may have been the last one.
void InFlight::let_go(Block& block) {
  Block* first = returned_.load(std::memory_order_relaxed);
  while (true) {
    if (first == &kWatched || first == &kLeft) {
      if (let_go_marked(block)) return;
      first = returned_.load(std::memory_order_relaxed);
    } else {
      block.next = first;
      if (returned_.compare_exchange_weak(first, &block, std::memory_order_release,
                                          std::memory_order_relaxed)) {
        return;
      }
    }
  }
}

// False when the mark has gone meanwhile.
bool InFlight::let_go_marked(Block& block) {
  std::unique_lock lock(mutex_);
  const Block* const first = returned_.load(std::memory_order_relaxed);
  if (first == &kWatched) {
    const bool tells = !block.withdrawn;
    to_go_ -= static_cast<std::int64_t>(block.messages);
    block.next = std::exchange(returned_watched_, &block);
    if (tells && to_go_ <= 0) readiness_->signal();
    return true;
  }
  if (first != &kLeft) return false;
  Block::destroy(&block);
  const bool last = --outstanding_ == 0;
  lock.unlock();
  if (last) const std::unique_ptr<InFlight> all(this);
  return true;
}

void InFlight::leave() {
  std::unique_lock lock(mutex_);
  readiness_ = nullptr;
  Block* const returned = returned_.exchange(mark(kLeft));
  take_back(watched_ ? std::exchange(returned_watched_, nullptr) : returned);
  outstanding_ = made_ - back_;
  const bool last = outstanding_ == 0;
  lock.unlock();
  if (last) const std::unique_ptr<InFlight> all(this);
}

}  // namespace fifomq::zeromq
