// A connection to a NATS server: opened as its endpoint says, kept up by libnats, and what comes
// back on it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <fifomq/deadline.hpp>
#include <fifomq/error.hpp>
#include <fifomq/log.hpp>
#include <fifomq/message.hpp>

#include "nats_handles.hpp"
#include "nats_options.hpp"

namespace fifomq::jetstream {

// How long opening may take to find stream and consumer, once there is a connection.
inline constexpr std::chrono::milliseconds kOpening{1'500};

// Called from threads of libnats, until Connection::close() has returned.
class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  Listener(Listener&&) = delete;
  Listener& operator=(Listener&&) = delete;
  virtual ~Listener() = default;

  // Something that was sent to this connection's inbox.
  virtual void on_message(MessageHandle message) = 0;
  // It has been made (again), or is broken.
  virtual void on_connection(bool is_up) = 0;
  // It is broken, and will not be made again.
  virtual void on_end(const Error& why) = 0;
  // The server does not permit what was done.
  virtual void on_refusal(std::string_view why) = 0;
};

class Connection {
 public:
  // Tries to connect, for a second at most with each server; if none answers, libnats goes on
  // trying for good, and the log is told. Throws Error for what no further try would mend.
  // `sends_at_once`: what is published is in the kernel's hands when the call returns; otherwise a
  // thread of libnats gathers it.
  Connection(const NatsOptions& options, Listener& listener, const LogSink& log,
             bool sends_at_once);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection(Connection&&) = delete;
  Connection& operator=(Connection&&) = delete;
  ~Connection() { close(); }

  // Breaks it, and waits until the listener has been called for the last time. Calls that send
  // fail from then on. A child's copy is left to its parent.
  void close();

  bool is_up() const { return up_; }

  // A subject that leads back here: the listener gets what is sent to it.
  std::string inbox(std::string_view name) const { return inbox_ + "." + std::string(name); }

  // Begins a new inbox for deliveries, and ends the one before: what is on its way to that one is
  // given up. Its subjects are the name returned, a dot, and one token.
  std::string renew_deliveries();

  // `reply` may be empty. False when it could not be sent: the connection is broken, and the
  // listener has been told or will be. Then it does not wait for libnats either, which keeps all
  // calls out while it tries to connect.
  bool publish(const std::string& subject, const std::string& reply, std::string_view data);
  bool publish(natsMsg* message);

  // Finds the stream, or makes it when the options say so, by the deadline and within kOpening.
  // Returns why it cannot
  // be used yet, as long as another try may succeed; throws Error for what none would mend. `limit`
  // becomes the largest message that stream and server take, headers included, in bytes.
  std::optional<std::string> find_stream(const NatsOptions& options, Deadline deadline,
                                         std::uint64_t& limit);

 private:
  OptionsHandle connect_options(const NatsOptions& options, bool sends_at_once);
  void connect(natsOptions* options, const LogSink& log);
  SubscriptionHandle subscribe(const std::string& subject);
  natsStatus make_stream(const NatsOptions& options, jsCtx* context, jsOptions& call,
                         jsStreamInfo*& info, jsErrCode& code);
  void check_subjects(const NatsOptions& options, const jsStreamConfig& config) const;

  static void on_message(natsConnection*, natsSubscription* from, natsMsg* message, void* self);
  static void on_up(natsConnection*, void* self);
  static void on_down(natsConnection*, void* self);
  static void on_last(void* self);
  static void on_closed(natsConnection* from, void* self);
  static void on_error(natsConnection*, natsSubscription*, natsStatus status, void* self);
  void set_up(bool is_up);

  const std::string endpoint_;
  Listener& listener_;
  bool writes_in_tls_ = false;
  std::string inbox_;
  ConnectionHandle connection_;
  std::uint64_t renewals_ = 0;
  std::atomic<bool> up_ = false;
  std::atomic<bool> closing_ = false;

  std::mutex mutex_;
  bool heard_ = false;  // from libnats, whether it is up
  SubscriptionHandle answers_;
  SubscriptionHandle deliveries_;
  std::deque<SubscriptionHandle> retired_;  // the last ones before
  std::condition_variable ended_;
  int callers_ = 0;  // threads that may still call
};

}  // namespace fifomq::jetstream
