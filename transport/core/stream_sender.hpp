// A Sender on any byte stream: an encoder that makes pieces, a queue of pages, a sink that takes
// them.
//
// A message that comes alone leaves at once. When messages follow each other closely, the first
// ones leave at once too, and then they are gathered into pages, which leave many at a time; a
// thread sees to it that none waits for the next one to come.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include <fifomq/channel.hpp>

#include "core/encoder.hpp"
#include "core/flusher.hpp"
#include "core/pace.hpp"
#include "core/page_queue.hpp"
#include "core/posix.hpp"
#include "core/readiness.hpp"
#include "core/short_wait.hpp"

namespace fifomq::core {

// Where the bytes go. Used by one thread at a time.
class ByteSink {
 public:
  ByteSink() = default;
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;
  ByteSink(ByteSink&&) = delete;
  ByteSink& operator=(ByteSink&&) = delete;
  virtual ~ByteSink() = default;

  // Lets `readiness` know what to wait for. Called before the first write, and again after renew().
  virtual void attach(Readiness& readiness) = 0;

  // Never waits. Takes at most PIPE_BUF bytes; a pipe takes all of them or none.
  virtual IoResult write(ByteView bytes) = 0;

  // Whether splice() is a way; one that failed may have found that it is none.
  virtual bool can_splice() const { return false; }
  // Never waits. Takes the first of these pages away, each whole or not at all, and keeps them: the
  // caller does not write to them again.
  virtual IoResult splice(std::span<const iovec> /*pages*/) { return {IoStatus::failed}; }
  // Whether the caller may, after all, once they have been read.
  virtual bool reuses_pages() const { return false; }
  // As soon as so many more have been spliced, the one that was spliced last has been read. Absent:
  // nobody knows, nor of those before it.
  virtual std::optional<std::size_t> pages_until_read() { return std::nullopt; }

  // This is a forked child's copy: from now on it shares with its parent nothing but where the
  // bytes go. attach() follows.
  virtual void renew() {}
};

class StreamSender final : public Sender {
 public:
  // `coalesce`: how long an accepted message may wait for others to leave with it, about; absent:
  // it never does.
  StreamSender(Endpoint endpoint, Capabilities capabilities, std::unique_ptr<ByteSink> sink,
               std::unique_ptr<Encoder> encoder, std::uint64_t max_message,
               std::optional<std::chrono::nanoseconds> coalesce = {});
  StreamSender(const StreamSender&) = delete;
  StreamSender& operator=(const StreamSender&) = delete;
  StreamSender(StreamSender&&) = delete;
  StreamSender& operator=(StreamSender&&) = delete;
  ~StreamSender() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return capabilities_; }
  int poll_fd() override;
  Counters counters() const override;
  void close() noexcept override { readiness_.close(); }

  SendResult send(const MessageView& message, Deadline deadline) override;
  SendResult flush(Deadline deadline) override;
  std::uint64_t settled() const override;

 private:
  using Lock = std::unique_lock<std::mutex>;
  enum class Push { complete_pages, all };

  // What two threads share, so that a forked child can leave its copy alone and start afresh.
  struct Outgoing {
    PageQueue pages;
    ByteView owed;  // behind the pages: what is left of a message given up, at its encoder
    bool owes_message = false;
    std::uint64_t left = 0;      // messages that have left this process
    std::uint64_t pushes = 0;    // successful ones
    std::uint64_t accepted = 0;  // messages
    std::uint64_t bytes = 0;     // that have left
    bool stalled = false;        // the sink did not take what it was offered last
    bool waited_for = false;     // a call waits for room
    bool gathering = false;      // messages follow each other closely
    int error = 0;               // errno of a sink that failed, until the next call has thrown it
  };

  Lock lock();
  void renew_in_child();
  SendResult enqueue(const MessageView& message, Deadline deadline, Lock& lock);
  std::optional<SendResult> enqueue_pieces(Deadline deadline, Lock& lock);
  bool splices() const;
  bool gather_whole(const MessageView& message);
  void throw_failure();
  void forget(const PageQueue::Mark& mark);
  SendResult leave_at_once(const PageQueue::Mark& mark, Deadline deadline, Lock& lock);
  void notice_pace();
  SendResult give_up(SendResult why, const PageQueue::Mark& mark);

  SendResult push(Push what);
  SendResult push_quietly() noexcept;
  SendResult push_until(Deadline deadline, Lock& lock);
  IoResult push_once(Push what);
  bool need_flusher() noexcept;
  Flusher::Next flusher_turn(bool woken_by_descriptor);

  const Endpoint endpoint_;
  const Capabilities capabilities_;
  const std::uint64_t max_message_;
  const std::optional<std::chrono::nanoseconds> coalesce_;
  Readiness readiness_;
  std::unique_ptr<ByteSink> sink_;
  std::unique_ptr<Encoder> encoder_;
  std::uint64_t abandoned_ = 0;

  ShortWait short_wait_;
  Pace pace_;

  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::unique_ptr<Outgoing> out_ = std::make_unique<Outgoing>();
  bool armed_ = false;  // guarded by the mutex
  std::unique_ptr<Flusher> flusher_;
};

}  // namespace fifomq::core
