#pragma once

#include <chrono>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "connection.hpp"
#include "core/body_reader.hpp"
#include "core/frame_batch.hpp"
#include "core/readiness.hpp"
#include "core/unique_fd.hpp"
#include "core/writer_ledger.hpp"
#include "fork_guard.hpp"
#include "pull_consumer.hpp"
#include "refusals.hpp"

namespace fifomq::jetstream {

// With explicit commit a message is acknowledged when it is committed. Otherwise it is handed out
// once the server has taken its acknowledgement, so that none ever comes twice; what is there is
// acknowledged together.
class NatsReceiver final : public Receiver, private Listener {
 public:
  NatsReceiver(Endpoint endpoint, NatsOptions options, const OpenOptions& open,
               core::Notice notice);
  NatsReceiver(const NatsReceiver&) = delete;
  NatsReceiver& operator=(const NatsReceiver&) = delete;
  NatsReceiver(NatsReceiver&&) = delete;
  NatsReceiver& operator=(NatsReceiver&&) = delete;
  ~NatsReceiver() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override;
  int poll_fd() override { return readiness_.fd(); }
  Counters counters() const override;
  void close() noexcept override { readiness_.close(); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override;
  // Waits a moment for the server to have taken it.
  void commit(std::uint64_t n) override;
  void stop_taking() override;

 private:
  using Clock = std::chrono::steady_clock;
  using Delivery = PullConsumer::Delivery;

  void on_message(MessageHandle message) override;
  void on_connection(bool is_up) override;
  void on_end(const Error& why) override;
  void on_refusal(std::string_view why) override;

  void rethrow() const;
  std::optional<std::string> find_stream(Deadline deadline);
  void await_place();
  void step(Deadline deadline);
  void begin(Deadline deadline);
  void take_arrived();
  void keep_time();
  void pull();
  bool hand_out(MessageView& message);
  bool open_delivery();
  void note_uncommitted(bool counts);
  bool may_hand_out();
  void choose_acknowledged();
  void acknowledge_all();
  void keep_part();
  void await_confirmation(Deadline deadline);
  bool connection_goes_on() const;
  bool ended() const;
  bool wait(Deadline deadline);

  const Endpoint endpoint_;
  const NatsOptions options_;
  const bool explicit_commit_;
  core::Readiness readiness_;
  core::UniqueFd timer_;
  Clock::time_point timer_at_ = Clock::time_point::max();
  std::optional<std::uint64_t> left_;
  const LogSink log_;
  bool stopped_ = false;
  bool stream_found_ = false;

  using Lock = ForkSafeLock;
  mutable std::mutex mutex_;
  std::deque<MessageHandle> arrived_;
  bool up_ = false;
  bool is_new_connection_ = false;
  std::uint64_t connections_lost_ = 0;
  std::exception_ptr failure_;  // nothing more will ever come
  Refusals refusals_;

  Connection connection_;
  PullConsumer consumer_;
  // Without explicit commit: of the first deliveries; of the last of them, where take_at_most ends
  // in it, only so many frames.
  std::size_t acknowledged_ = 0;
  std::uint64_t part_ = 0;
  std::uint64_t acknowledged_in_ = 0;  // PullConsumer::beginnings() then
  Delivery current_;
  core::FramesOfBody frames_;  // of the current one
  std::uint64_t taken_ = 0;    // of its frames
  core::BodyReader reader_;

  // A frame, handed out or refused, and not committed.
  struct Uncommitted {
    Delivery delivery;     // without its message
    std::uint64_t frames;  // of it, up to this one
    bool is_last;          // of them
    bool counts;           // it was handed out
  };
  std::deque<Uncommitted> uncommitted_;
  std::optional<Uncommitted> part_committed_;  // the last one that was, unless it was a last one
  std::uint64_t committed_ = 0;

  core::WriterLedger writers_;
  Counters counters_;
};

}  // namespace fifomq::jetstream
