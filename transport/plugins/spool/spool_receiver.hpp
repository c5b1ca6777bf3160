// The reading end of a spool.
#pragma once

#include <optional>

#include <fifomq/channel.hpp>
#include <fifomq/transport.hpp>

#include "core/commit_log.hpp"
#include "core/readiness.hpp"
#include "file_watch.hpp"
#include "record_reader.hpp"
#include "shortage.hpp"
#include "spool_folder.hpp"

namespace fifomq::spool {

extern const Capabilities kReceiverCapabilities;

class SpoolReceiver final : public Receiver {
 public:
  // Throws Error.
  SpoolReceiver(Endpoint endpoint, SpoolOptions options, const OpenOptions& open);
  SpoolReceiver(const SpoolReceiver&) = delete;
  SpoolReceiver& operator=(const SpoolReceiver&) = delete;
  SpoolReceiver(SpoolReceiver&&) = delete;
  SpoolReceiver& operator=(SpoolReceiver&&) = delete;
  ~SpoolReceiver() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override;
  int poll_fd() override;
  Counters counters() const override { return reader_.counters(); }
  void close() noexcept override { readiness_.close(); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override;
  void commit(std::uint64_t n) override;
  void stop_taking() override;

 private:
  void check_owner() const;
  bool look(MessageView& message, Deadline deadline);
  bool look_on(MessageView& message, Deadline deadline);
  void hand_out();
  void commit_to(std::uint64_t position);
  void remove_passed();
  void sync_committed();
  bool owes_sync() const { return !is_synced_ && options_.sync != Sync::never; }

  const Endpoint endpoint_;
  const SpoolOptions options_;
  const LogSink log_;
  const bool explicit_commit_;
  const SpoolFolder folder_;
  const core::UniqueFd lock_;
  core::Readiness readiness_;
  SpoolState state_;
  std::uint64_t committed_ = 0;
  RecordReader reader_;
  FileWatch watch_;  // of what the sender has written
  Shortage shortage_;
  core::CommitLog log_of_commits_;
  std::uint64_t received_ = 0;
  std::uint64_t done_with_ = 0;        // of them
  std::optional<std::uint64_t> left_;  // messages that may still be taken
  Deadline next_sync_ = Deadline::now();
  bool is_synced_ = true;
};

}  // namespace fifomq::spool
