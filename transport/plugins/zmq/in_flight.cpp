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

InFlight::~InFlight() {
  static_assert(sizeof(Block) == kHeadBytes);
  if (draft_ != nullptr) Block::destroy(draft_);
  sort_returned();
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
  Block* block = returned_.exchange(nullptr, std::memory_order_acquire);
  while (block != nullptr) {
    Block* const next = block->next;
    const bool kept = block->size_class != kNotKept;
    const std::size_t bytes = kept ? bytes_of_class(block->size_class) : 0;
    if (!kept || free_bytes_ + bytes > kMostFreeBytes) {
      Block::destroy(block);
    } else {
      Block*& first = free_[block->size_class];
      block->next = std::exchange(first, block);
      free_bytes_ += bytes;
    }
    block = next;
  }
}

void InFlight::withdraw_latest() { latest_->withdrawn = true; }

bool InFlight::within(std::uint64_t most_bytes) {
  if (made_bytes_ - seen_gone_bytes_ <= most_bytes) return true;
  seen_gone_bytes_ = gone_bytes_.load();
  return made_bytes_ - seen_gone_bytes_ <= most_bytes;
}

// libzmq calls this from whichever thread lets go of the message last.
void InFlight::free(void* /*data*/, void* hint) {
  auto* const block = static_cast<Block*>(hint);
  InFlight& self = *block->owner;
  self.let_go(*block);
  self.count_out(1);
}

void InFlight::let_go(Block& block) {
  const bool tells = !block.withdrawn;
  const std::size_t size = block.size;
  const std::uint64_t messages = block.messages;
  Block* first = returned_.load(std::memory_order_relaxed);
  do {
    block.next = first;
  } while (!returned_.compare_exchange_weak(first, &block, std::memory_order_release,
                                            std::memory_order_relaxed));
  gone_bytes_.fetch_add(size);
  const std::uint64_t gone = gone_messages_.fetch_add(messages) + messages;
  if (!tells || gone < notify_at_.load()) return;
  const std::lock_guard lock(mutex_);
  if (readiness_ != nullptr) readiness_->signal();
}

void InFlight::leave() {
  {
    const std::lock_guard lock(mutex_);
    readiness_ = nullptr;
  }
  count_out(std::uint64_t{0} - made_);
}

void InFlight::count_out(std::uint64_t count) {
  if (done_.fetch_add(count) + count == 0) const std::unique_ptr<InFlight> last(this);
}

}  // namespace fifomq::zeromq
