// The writing end of a spool. Each message is in the kernel's hands when send() returns, and so
// outlives this process; a thread brings what has come in the meantime to the disk at once.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>

#include <fifomq/channel.hpp>
#include <fifomq/transport.hpp>

#include "core/flusher.hpp"
#include "core/identity.hpp"
#include "core/readiness.hpp"
#include "file_watch.hpp"
#include "segment_writer.hpp"
#include "shortage.hpp"
#include "spool_folder.hpp"

namespace fifomq::spool {

extern const Capabilities kSenderCapabilities;

class SpoolSender final : public Sender {
 public:
  // Throws Error.
  SpoolSender(Endpoint endpoint, SpoolOptions options, LogSink log);
  SpoolSender(const SpoolSender&) = delete;
  SpoolSender& operator=(const SpoolSender&) = delete;
  SpoolSender(SpoolSender&&) = delete;
  SpoolSender& operator=(SpoolSender&&) = delete;
  ~SpoolSender() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return as_synced(kSenderCapabilities, options_); }
  int poll_fd() override;
  Counters counters() const override { return counters_; }
  void close() noexcept override { readiness_.close(); }

  SendResult send(const MessageView& message, Deadline deadline) override;
  SendResult flush(Deadline deadline) override;
  std::uint64_t settled() const override;

 private:
  using Files = std::list<std::shared_ptr<core::UniqueFd>>;

  void check_usable() const;
  bool has_room(std::uint64_t size);
  bool offer();
  void accept();
  core::Flusher::Next turn();
  core::Flusher::Next sync_turn();
  void sync();

  const Endpoint endpoint_;
  const SpoolOptions options_;
  const LogSink log_;
  const SpoolFolder folder_;
  const core::UniqueFd lock_;
  core::Readiness readiness_;
  SegmentWriter writer_;
  FileWatch watch_;  // of what the receiver has committed
  Shortage shortage_;
  const std::uint64_t began_at_ = writer_.end();
  core::OriginStamp stamp_;
  Counters counters_;

  Files next_unsynced_;  // the place of the next one of them

  // Shared with the thread.
  std::mutex mutex_;
  bool armed_ = false;
  std::uint64_t accepted_ = 0;
  Files unsynced_;
  bool unsynced_name_ = false;
  Deadline due_ = Deadline::never();
  std::atomic<std::uint64_t> durable_ = 0;
  std::atomic<int> failure_ = 0;  // errno of a sync that failed: for good
  std::unique_ptr<core::Flusher> flusher_;
};

}  // namespace fifomq::spool
