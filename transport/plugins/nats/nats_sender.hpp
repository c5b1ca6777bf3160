#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection.hpp"
#include "core/flusher.hpp"
#include "core/identity.hpp"
#include "core/readiness.hpp"
#include "fork_guard.hpp"
#include "publish_window.hpp"
#include "refusals.hpp"

namespace fifomq::jetstream {

// Accepts into a window of unacknowledged messages; a thread of its own publishes them, so that no
// call waits for the network but by its deadline.
class NatsSender final : public Sender, private Listener {
 public:
  NatsSender(Endpoint endpoint, NatsOptions options, LogSink log);
  NatsSender(const NatsSender&) = delete;
  NatsSender& operator=(const NatsSender&) = delete;
  NatsSender(NatsSender&&) = delete;
  NatsSender& operator=(NatsSender&&) = delete;
  // Waits at most `linger` for what is not acknowledged, and reports what is left.
  ~NatsSender() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return *scheme_infos().front().sender; }
  int poll_fd() override { return readiness_.fd(); }
  Counters counters() const override;
  void close() noexcept override { readiness_.close(); }

  SendResult send(const MessageView& message, Deadline deadline) override;
  // `sent` when the server has acknowledged all.
  SendResult flush(Deadline deadline) override;
  std::uint64_t settled() const override;

  // Why a message was not stored.
  struct Refusal {
    bool is_out_of_place = false;  // one before it was not; otherwise it may be stored later
    std::string why;
  };

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = ForkSafeLock;

  void on_message(MessageHandle message) override;
  void on_connection(bool is_up) override;
  void on_end(const Error& why) override;
  void on_refusal(std::string_view why) override;
  void answered(std::uint64_t number, std::uint64_t attempt, const std::optional<Refusal>& refusal);
  void refused(const Refusal& refusal);

  Publication encode(const MessageView& message) const;
  SendResult accept(Publication publication, Deadline deadline);
  SendResult await_settled(Deadline deadline);
  void check_limit(std::uint64_t body_bytes) const;
  void rethrow() const;
  void wake_thread();

  core::Flusher::Next turn();
  void look_for_stream(Lock& lock);
  void publish(Lock& lock);
  bool publish_one(const PublishWindow::Next& next, std::uint64_t attempt);
  void go_back_where_silent();

  const Endpoint endpoint_;
  const NatsOptions options_;
  const LogSink log_;
  core::Readiness readiness_;
  core::OriginStamp stamp_;
  core::OriginStamp ids_;  // for messages of unknown origin
  bool ending_ = false;    // the destructor waits, closed or not

  mutable std::mutex mutex_;
  PublishWindow window_;
  bool up_ = false;
  std::uint64_t connections_lost_ = 0;
  std::uint64_t payload_limit_ = 0;  // bytes; 0 = the stream has not been found yet
  std::exception_ptr failure_;       // no message will ever be taken
  Refusals refusals_;
  bool publishing_ = false;   // without the mutex
  bool idle_ = false;         // the thread waits to be armed
  Clock::time_point news_{};  // when anything was published or acknowledged last
  Clock::time_point pause_until_{};
  Clock::duration pause_{};
  bool awaits_all_ = false;  // whoever waits, waits for the last acknowledgement
  std::uint64_t bytes_out_ = 0;

  Connection connection_;
  // The thread's alone.
  std::vector<PublishWindow::Next> under_way_;
  std::string reply_;
  const std::size_t reply_stem_;  // bytes
  std::unique_ptr<core::Flusher> flusher_;
};

}  // namespace fifomq::jetstream
