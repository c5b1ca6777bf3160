// Which messages libzmq still holds, and their memory. It does not tell how much of its queue has
// left the process, but it gives each message's memory back when it has, and that can be counted.
#pragma once

#include <zmq.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/readiness.hpp"
#include "size_class.hpp"

namespace fifomq::zeromq {

// A sender's, and of the messages it made, which may outlive it inside libzmq: who goes last
// destroys it. The sender's thread makes messages; any thread of libzmq's lets them go.
class InFlight {  // NOLINT(*.Padding): what different threads write stands apart
 public:
  // What stands in front of a message in its memory.
  static constexpr std::size_t kHeadBytes = 32;

  struct Leave {
    void operator()(InFlight* self) const { self->leave(); }
  };
  using Handle = std::unique_ptr<InFlight, Leave>;

  static Handle open(core::Readiness& readiness) {
    return Handle(std::make_unique<InFlight>(readiness).release());
  }
  explicit InFlight(core::Readiness& readiness) : readiness_(&readiness) {}
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  InFlight(InFlight&&) = delete;
  InFlight& operator=(InFlight&&) = delete;
  ~InFlight();

  // Makes `message` one of `size` bytes, counted until libzmq lets go of it, and returns where they
  // stand. Its memory is that of an earlier one, where there is one.
  std::byte* make(zmq::message_t& message, std::size_t size);

  // The same in two steps, for a size that is known last, and for several messages in one: first
  // room for at most `size` bytes, each time the same, then the message. There is one draft at a
  // time, and it stays where make() is called before it is finished.
  std::byte* draft(std::size_t size);
  void finish_draft(zmq::message_t& message, std::size_t size, std::uint64_t messages);
  // In no more memory than `size` bytes need; the draft's is kept for the next one.
  void finish_draft_copied(zmq::message_t& message, std::size_t size, std::uint64_t messages);

  // The message made last will not be sent: its release tells the sender nothing new.
  void withdraw_latest();

  // That libzmq still holds.
  std::uint64_t messages();
  // Whether no more than so many bytes are in flight. Looks at what libzmq's thread writes only
  // when it must.
  bool within(std::uint64_t most_bytes);

  // Signals the sender's readiness as soon as no more than so many are in flight of the messages
  // made until now.
  void notify_at(std::uint64_t messages);
  void notify_never() {
    if (watched_) stop_watching();
  }

 private:
  struct Block;

  Block* take_block(std::size_t size);
  void hand_to(zmq::message_t& message, Block& block, std::size_t size, std::uint64_t messages);
  void sort_returned();
  void take_back(Block* returned);
  void keep(Block& block);
  void stop_watching();
  static void free(void* data, void* hint);
  static Block* mark(const Block& which) { return const_cast<Block*>(&which); }
  void let_go(Block& block);
  bool let_go_marked(Block& block);
  void leave();

  // The sender's alone.
  std::uint64_t made_ = 0;
  std::uint64_t made_messages_ = 0;
  std::uint64_t made_bytes_ = 0;
  // Of these, what libzmq has let go of, as far as it was looked at.
  std::uint64_t back_ = 0;
  std::uint64_t back_messages_ = 0;
  std::uint64_t back_bytes_ = 0;
  bool watched_ = false;
  Block* draft_ = nullptr;
  Block* latest_ = nullptr;
  std::array<Block*, size_class_of(kLargestKept) + 1> free_{};
  std::uint64_t free_bytes_ = 0;

  // What libzmq has let go of, a list: as a rule its thread puts a block there in one step, and
  // does nothing else. Or one of the marks, and then it has to look further.
  alignas(64) std::atomic<Block*> returned_{nullptr};
  static const Block kWatched;  // the sender waits
  static const Block kLeft;     // the sender is no more

  // Under which marks come and go, and what is behind them. Who holds it while a block of his is
  // not returned finds all of this alive.
  alignas(64) std::mutex mutex_;
  core::Readiness* readiness_;         // null once the sender has left
  Block* returned_watched_ = nullptr;  // the list, while the sender waits
  std::int64_t to_go_ = 0;             // messages until the sender is to know
  std::uint64_t outstanding_ = 0;      // blocks, once the sender has left
};

}  // namespace fifomq::zeromq
