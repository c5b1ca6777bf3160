#include "connection.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>
#include <utility>
#include <vector>

#include "core/identity.hpp"
#include "core/thread.hpp"

namespace fifomq::jetstream {
namespace {

constexpr std::int64_t kConnectMs = 1'000;
constexpr std::int64_t kReconnectMs = 100;
// A peer that is gone without a word is noticed in twice that time.
constexpr std::int64_t kPingMs = 10'000;
// After so long a write into a socket that nobody empties breaks the connection.
constexpr std::int64_t kWriteMs = 5'000;
// So long a call that may not wait does wait for the first answer of a server.
constexpr std::chrono::milliseconds kLeastWait{20};
// Subscriptions that are kept when they have ended. The thread of libnats that reads has no
// reference of its own to the one whose message it is copying (before 3.6: nats.c #637), and is
// done with it long before so many others have begun.
constexpr std::size_t kMostRetired = 8;

// OpenSSL writes with write(2). The SIGPIPE of this thread that it may bring about is taken away
// again, unless one was pending before.
class NoSigpipe {
 public:
  explicit NoSigpipe(bool needed) : needed_(needed) {
    if (!needed_) return;
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  NoSigpipe(NoSigpipe&&) = delete;
  NoSigpipe& operator=(NoSigpipe&&) = delete;
  ~NoSigpipe() {
    if (!needed_) return;
    const timespec now{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  const bool needed_;
  bool was_pending_ = false;
  sigset_t pipe_{};
  sigset_t before_{};
};

// Of the process that opened libnats, and whether any has.
std::atomic<std::uint64_t> library_generation = 0;
std::atomic<bool> library_is_open = false;

// libnats sets SIGPIPE to be ignored when it is first used; that is the program's business.
void open_library(const std::string& endpoint) {
  static std::once_flag once;
  std::call_once(once, [] {
    const core::SignalsBlocked blocked;  // libnats starts threads
    struct sigaction before {};
    sigaction(SIGPIPE, nullptr, &before);
    nats_Open(-1);
    sigaction(SIGPIPE, &before, nullptr);
    library_generation = core::fork_generation();
    library_is_open = true;
  });
  if (library_is_here()) return;
  throw Error(Errc::unsupported, endpoint,
              "a forked child of a process that has used NATS cannot; it starts another program "
              "first");
}

// What libnats has to say about the last failure of this thread.
std::string reason(natsStatus status) {
  const char* const text = nats_GetLastError(nullptr);
  return text != nullptr && *text != '\0' ? text : natsStatus_GetText(status);
}

bool is_absence(natsStatus status) {
  return status == NATS_NO_SERVER || status == NATS_TIMEOUT || status == NATS_IO_ERROR ||
         status == NATS_CONNECTION_CLOSED || status == NATS_STALE_CONNECTION;
}

void check(natsStatus status, const std::string& endpoint, const std::string& action) {
  if (status == NATS_OK) return;
  throw Error(Errc::system_failure, endpoint, "cannot " + action + ": " + reason(status));
}

Error entry_error(const std::string& endpoint, const std::string& why) {
  return {Errc::permission_denied, endpoint,
          "the server does not let us in: " + why + "; creds=FILE says who we are"};
}

Error connect_error(natsStatus status, const std::string& endpoint) {
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return entry_error(endpoint, reason(status));
    case NATS_SECURE_CONNECTION_REQUIRED:
      return {Errc::permission_denied, endpoint, "the server wants TLS: add tls=yes"};
    case NATS_SECURE_CONNECTION_WANTED:
      return {Errc::unsupported, endpoint, "tls=yes, and the server has no TLS"};
    case NATS_SSL_ERROR:
      return {Errc::permission_denied, endpoint, "no TLS connection: " + reason(status)};
    default:
      return {Errc::system_failure, endpoint, "cannot connect: " + reason(status)};
  }
}

std::int64_t milliseconds_until(Deadline::Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Deadline::Clock::now());
  return std::max<std::int64_t>(left.count(), 1);
}

// The cluster is electing, starting, or has too few servers left.
bool may_pass(natsStatus status, jsErrCode code) {
  constexpr jsErrCode kMayPass[] = {JSClusterNotAvailErr,      JSClusterNoPeersErr,
                                    JSClusterNotActiveErr,     JSClusterServerNotMemberErr,
                                    JSClusterIncompleteErr,    JSStreamOfflineErr,
                                    JSInsufficientResourcesErr};
  return code == 0 ? is_absence(status) || status == NATS_NO_RESPONDERS ||
                         status == NATS_CONNECTION_DISCONNECTED
                   : std::ranges::find(kMayPass, code) != std::end(kMayPass);
}

}  // namespace

bool library_is_here() noexcept {
  return !library_is_open || library_generation == core::fork_generation();
}

Connection::Connection(const NatsOptions& options, Listener& listener, const LogSink& log,
                       bool sends_at_once)
    : endpoint_(options.endpoint),
      listener_(listener),
      // Where OpenSSL writes in a thread of the program's.
      writes_in_tls_(options.tls && sends_at_once) {
  open_library(endpoint_);
  const core::SignalsBlocked blocked;  // libnats starts threads
  natsInbox* made = nullptr;
  check(natsInbox_Create(&made), endpoint_, "make an inbox");
  inbox_ = made;
  natsInbox_Destroy(made);
  const OptionsHandle handle = connect_options(options, sends_at_once);
  try {
    connect(handle.get(), log);
    answers_ = subscribe(inbox("*"));
  } catch (...) {
    close();
    throw;
  }
}

OptionsHandle Connection::connect_options(const NatsOptions& options, bool sends_at_once) {
  natsOptions* made = nullptr;
  check(natsOptions_Create(&made), endpoint_, "prepare a connection");
  OptionsHandle handle(made);
  std::vector<const char*> servers;
  for (const std::string& server : options.servers) servers.push_back(server.c_str());
  if (natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())) != NATS_OK) {
    throw Error(Errc::invalid_endpoint, endpoint_,
                "libnats takes no such server; one is written HOST or HOST:PORT");
  }
  natsOptions_SetName(made, "fifomq");
  natsOptions_SetTimeout(made, kConnectMs);
  natsOptions_SetPingInterval(made, kPingMs);
  natsOptions_SetWriteDeadline(made, kWriteMs);
  natsOptions_SetReconnectWait(made, kReconnectMs);
  natsOptions_SetMaxReconnect(made, -1);
  natsOptions_SetSendAsap(made, sends_at_once);
  natsOptions_SetReconnectedCB(made, &Connection::on_up, this);
  natsOptions_SetDisconnectedCB(made, &Connection::on_down, this);
  natsOptions_SetErrorHandler(made, &Connection::on_error, this);
  natsOptions_SetClosedCB(made, &Connection::on_closed, this);
  if (!options.credentials.empty()) {
    check(natsOptions_SetUserCredentialsFromFiles(made, options.credentials.c_str(), nullptr),
          endpoint_, "use " + options.credentials);
  }
  if (options.tls) check(natsOptions_SetSecure(made, true), endpoint_, "use TLS");
  if (!options.authorities.empty()) {
    check(natsOptions_LoadCATrustedCertificates(made, options.authorities.c_str()), endpoint_,
          "use " + options.authorities);
  }
  return handle;
}

void Connection::connect(natsOptions* options, const LogSink& log) {
  natsConnection* connection = nullptr;
  natsStatus status = natsConnection_Connect(&connection, options);
  if (is_absence(status)) {
    // From now on in a thread of its own, which does not tell one failure from another.
    if (log) {
      log(LogLevel::warning,
          endpoint_ + ": no server answers yet (" + reason(status) + "); messages wait for one");
    }
    natsOptions_SetRetryOnFailedConnect(options, true, &Connection::on_up, this);
    status = natsConnection_Connect(&connection, options);
  }
  if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED) {
    throw connect_error(status, endpoint_);
  }
  connection_.reset(connection);
  const std::lock_guard lock(mutex_);
  ++callers_;
  if (!heard_) up_ = status == NATS_OK;
}

SubscriptionHandle Connection::subscribe(const std::string& subject) {
  natsSubscription* made = nullptr;
  check(natsConnection_Subscribe(&made, connection_.get(), subject.c_str(), &Connection::on_message,
                                 this),
        endpoint_, "listen to an inbox");
  {
    const std::lock_guard lock(mutex_);
    ++callers_;
  }
  // Refused when the connection has been closed for good; then nobody calls.
  if (natsSubscription_SetOnCompleteCB(made, &Connection::on_last, this) != NATS_OK) on_last(this);
  // What comes is bounded by what was asked for.
  natsSubscription_SetPendingLimits(made, -1, -1);
  return SubscriptionHandle(made);
}

std::string Connection::renew_deliveries() {
  const core::SignalsBlocked blocked;  // libnats starts threads
  std::string name = inbox_ + "d" + std::to_string(++renewals_);
  SubscriptionHandle subscription = subscribe(name + ".*");
  {
    const std::lock_guard lock(mutex_);
    deliveries_.swap(subscription);
  }
  if (!subscription) return name;
  natsSubscription_Unsubscribe(subscription.get());
  retired_.push_back(std::move(subscription));
  if (retired_.size() > kMostRetired) retired_.pop_front();
  return name;
}

void Connection::close() {
  if (!library_is_here()) return;
  closing_ = true;
  up_ = false;
  if (connection_) natsConnection_Close(connection_.get());
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return callers_ == 0; });
}

void Connection::on_last(void* self) {
  auto& connection = *static_cast<Connection*>(self);
  const std::lock_guard lock(connection.mutex_);
  --connection.callers_;
  connection.ended_.notify_all();
}

bool Connection::publish(const std::string& subject, const std::string& reply,
                         std::string_view data) {
  if (!up_) return false;
  const NoSigpipe guard(writes_in_tls_);
  const auto size = static_cast<int>(data.size());
  return reply.empty() ? natsConnection_Publish(connection_.get(), subject.c_str(), data.data(),
                                                size) == NATS_OK
                       : natsConnection_PublishRequest(connection_.get(), subject.c_str(),
                                                       reply.c_str(), data.data(), size) == NATS_OK;
}

bool Connection::publish(natsMsg* message) {
  if (!up_) return false;
  const NoSigpipe guard(writes_in_tls_);
  return natsConnection_PublishMsg(connection_.get(), message) == NATS_OK;
}

std::optional<std::string> Connection::find_stream(const NatsOptions& options, Deadline deadline,
                                                   std::uint64_t& limit) {
  const auto end = Deadline::Clock::now() +
                   std::clamp<std::chrono::nanoseconds>(deadline.remaining(), kLeastWait, kOpening);
  jsOptions call;
  jsOptions_Init(&call);
  call.Wait = milliseconds_until(end);
  jsCtx* made = nullptr;
  check(natsConnection_JetStream(&made, connection_.get(), &call), endpoint_, "use JetStream");
  const JetStreamHandle context(made);
  jsStreamInfo* info = nullptr;
  jsErrCode code{};
  natsStatus status = js_GetStreamInfo(&info, made, options.stream.c_str(), &call, &code);
  if (code == JSStreamNotFoundErr && options.create == Create::no) {
    throw Error(Errc::not_found, endpoint_,
                "there is no stream '" + options.stream +
                    "'; create=queue or create=log makes it, or make it with the server's tools");
  }
  if (code == JSStreamNotFoundErr) {
    call.Wait = milliseconds_until(end);
    status = make_stream(options, made, call, info, code);
  }
  const StreamInfoHandle handle(info);
  if (status != NATS_OK) {
    std::string sentence = "the stream '" + options.stream + "' cannot be used: " + reason(status);
    if (!may_pass(status, code)) throw Error(Errc::unsupported, endpoint_, sentence);
    return sentence;
  }
  check_subjects(options, *info->Config);
  const std::int64_t by_server = natsConnection_GetMaxPayload(connection_.get());
  const std::int64_t by_stream = info->Config->MaxMsgSize;
  limit = static_cast<std::uint64_t>(by_stream > 0 ? std::min(by_stream, by_server) : by_server);
  return std::nullopt;
}

natsStatus Connection::make_stream(const NatsOptions& options, jsCtx* context, jsOptions& call,
                                   jsStreamInfo*& info, jsErrCode& code) {
  const char* subjects[] = {options.subject.c_str()};
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = options.stream.c_str();
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.Retention = options.create == Create::queue ? js_WorkQueuePolicy : js_LimitsPolicy;
  config.Storage = options.storage == Storage::file ? js_FileStorage : js_MemoryStorage;
  config.Replicas = options.replicas;
  config.MaxBytes = options.max_bytes > 0 ? static_cast<std::int64_t>(options.max_bytes) : -1;
  config.MaxMsgs = options.max_messages > 0 ? static_cast<std::int64_t>(options.max_messages) : -1;
  // Full makes the sender wait; by default the oldest messages would make room.
  config.Discard = js_DiscardNew;
  return js_AddStream(&info, context, &config, &call, &code);
}

void Connection::check_subjects(const NatsOptions& options, const jsStreamConfig& config) const {
  std::string taken;
  for (int i = 0; i < config.SubjectsLen; ++i) {
    const std::string pattern = config.Subjects[i];
    if (covers(pattern, options.subject) || covers(options.subject, pattern)) return;
    taken += (taken.empty() ? "'" : ", '") + pattern + "'";
  }
  throw Error(Errc::invalid_endpoint, endpoint_,
              "the stream '" + options.stream + "' keeps no messages of the subject '" +
                  options.subject + "'; it takes " + (taken.empty() ? "none" : taken));
}

void Connection::on_message(natsConnection*, natsSubscription* from, natsMsg* message, void* self) {
  MessageHandle handle(message);
  auto& connection = *static_cast<Connection*>(self);
  {
    const std::lock_guard lock(connection.mutex_);
    const bool wanted = from == connection.deliveries_.get() || from == connection.answers_.get();
    if (!wanted) return;
  }
  connection.listener_.on_message(std::move(handle));
}

void Connection::set_up(bool is_up) {
  {
    const std::lock_guard lock(mutex_);
    heard_ = true;
    up_ = is_up && !closing_;
  }
  listener_.on_connection(is_up);
}

void Connection::on_up(natsConnection*, void* self) {
  static_cast<Connection*>(self)->set_up(true);
}

void Connection::on_down(natsConnection*, void* self) {
  static_cast<Connection*>(self)->set_up(false);
}

// libnats gives a connection up when the server turns us away twice, or says that we have broken a
// rule of its own.
void Connection::on_closed(natsConnection* from, void* self) {
  auto& connection = *static_cast<Connection*>(self);
  if (!connection.closing_) {
    connection.set_up(false);
    const char* text = "";
    const natsStatus status = natsConnection_GetLastError(from, &text);
    const std::string& endpoint = connection.endpoint_;
    connection.listener_.on_end(
        status == NATS_CONNECTION_AUTH_FAILED
            ? entry_error(endpoint, text)
            : Error(Errc::system_failure, endpoint,
                    "the connection to the server has ended for good: " + std::string(text)));
  }
  on_last(self);
}

// libnats prints what nobody takes. What else matters shows in what does not come.
void Connection::on_error(natsConnection*, natsSubscription*, natsStatus status, void* self) {
  if (status != NATS_NOT_PERMITTED) return;
  static_cast<Connection*>(self)->listener_.on_refusal(reason(status));
}

}  // namespace fifomq::jetstream
