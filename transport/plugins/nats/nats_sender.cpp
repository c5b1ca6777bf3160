#include "nats_sender.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <limits>
#include <utility>

#include <fifomq/error.hpp>

#include "core/frame_body.hpp"
#include "core/send_errors.hpp"

namespace fifomq::jetstream {
namespace {

using std::chrono::milliseconds;

// Nothing has been acknowledged for so long: what was published is lost.
constexpr milliseconds kSilence{3'000};
// Between two looks at the clock while something is unacknowledged.
constexpr milliseconds kLook{100};
// Between two tries while the stream is full, or has no leader.
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{200};
// What the server and libnats add to a message, at most.
constexpr std::uint64_t kHeaderBytes = 256;

// The last number of an inbox's name, which is taken off with what stands in front of it.
std::uint64_t take_number(std::string_view& name) {
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  std::uint64_t number = 0;
  std::from_chars(name.data() + digits, name.data() + name.size(), number);
  name = name.substr(0, digits - 1);
  return number;
}

void append(std::string& text, std::uint64_t number) {
  char digits[std::numeric_limits<std::uint64_t>::digits10 + 1];
  text.append(digits, std::to_chars(std::begin(digits), std::end(digits), number).ptr);
}

constexpr int kWrongLastId = 10070;

// What a server answers that has not stored a message.
NatsSender::Refusal refusal_of(std::string_view answer) {
  const auto parsed = nlohmann::json::parse(answer, nullptr, false);
  if (parsed.is_discarded()) return {.why = "its answer cannot be read"};
  const auto at = [](const char* path) { return nlohmann::json::json_pointer(path); };
  return {.is_out_of_place = parsed.value(at("/error/err_code"), 0) == kWrongLastId,
          .why = parsed.value(at("/error/description"), std::string("it does not say why"))};
}

}  // namespace

NatsSender::NatsSender(Endpoint endpoint, NatsOptions options, LogSink log)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(std::move(log)),
      readiness_(endpoint_.text()),
      window_(options_.in_flight),
      refusals_(endpoint_.text() + ": the server takes no messages",
                "they are sent again until it does", log_),
      connection_(options_, *this, log_, false),
      reply_(connection_.inbox("")),
      reply_stem_(reply_.size()) {
  if (connection_.is_up()) {
    const auto why = connection_.find_stream(options_, Deadline::after(kOpening), payload_limit_);
    if (why && log_) log_(LogLevel::warning, endpoint_.text() + ": " + *why + "; trying on");
  }
  {
    const Lock lock(mutex_);
    up_ = connection_.is_up();
  }
  flusher_ = std::make_unique<core::Flusher>(
      endpoint_.text(), [this](bool) { return turn(); }, core::Flusher::Forks::go_on);
  flusher_->arm();
  readiness_.signal();
}

NatsSender::~NatsSender() {
  if (readiness_.is_copy()) {
    core::Flusher::leave_to_parent(std::move(flusher_));
    return;
  }
  readiness_.ignore_close();
  ending_ = true;
  try {
    await_settled(Deadline::after(options_.linger));
  } catch (...) {  // NOLINT(bugprone-empty-catch): what is left is counted below
  }
  connection_.close();
  flusher_.reset();
  if (const std::uint64_t left = window_.in_flight(); left > 0 && log_) {
    log_(LogLevel::warning, endpoint_.text() + ": " + std::to_string(left) +
                                " messages were still unacknowledged after linger=" +
                                std::to_string(options_.linger.count()) + "ms");
  }
}

Counters NatsSender::counters() const {
  const Lock lock(mutex_);
  Counters all;
  all.messages_received = window_.pushed();
  all.messages_delivered = window_.settled();
  all.messages_pending = window_.in_flight();
  all.bytes_out = bytes_out_;
  all.peers = up_ ? 1 : 0;
  all.peers_lost = connections_lost_;
  return all;
}

std::uint64_t NatsSender::settled() const {
  const Lock lock(mutex_);
  return window_.settled();
}

SendResult NatsSender::send(const MessageView& message, Deadline deadline) {
  core::check_size(message, options_.max_message, endpoint_);
  if (const char* why = core::refusal(message)) throw core::not_representable(why, endpoint_);
  check_owner(readiness_, endpoint_);
  if (readiness_.closed()) return SendResult::closed;
  MessageView stamped = message;
  if (!message.origin) stamped.origin = stamp_.peek();
  const SendResult result = accept(encode(stamped), deadline);
  if (result == SendResult::sent && !message.origin) stamp_.next();
  return result;
}

Publication NatsSender::encode(const MessageView& message) const {
  const core::FrameBody body(message);
  if (body.size() > static_cast<std::size_t>(INT32_MAX) - kHeaderBytes) {
    throw Error(Errc::too_large, endpoint_.text(),
                "message too large (" + std::to_string(message.payload.size()) +
                    " bytes); NATS carries 2 GiB at most");
  }
  return Publication::of(*message.origin, body, body.delimited_size() <= options_.batch);
}

SendResult NatsSender::accept(Publication one, Deadline deadline) {
  Lock lock(mutex_);
  while (true) {
    rethrow();
    if (payload_limit_ > 0) {
      check_limit(one.bytes);
      if (window_.has_room(one.bytes)) break;
    }
    readiness_.clear();
    const bool absent = !up_ || payload_limit_ == 0;
    lock.unlock();
    if (!readiness_.wait(deadline)) return absent ? SendResult::no_peer : SendResult::timed_out;
    if (readiness_.closed()) return SendResult::closed;
    lock.lock();
  }
  if (one.id.writer == 0 || one.id.sequence == 0) one.id = ids_.next();
  bytes_out_ += one.bytes;
  window_.push(std::move(one), std::min(options_.batch, payload_limit_ - kHeaderBytes));
  readiness_.stay_signalled();
  if (window_.has_next()) wake_thread();
  return SendResult::sent;
}

// Throws Error (too_large).
void NatsSender::check_limit(std::uint64_t body_bytes) const {
  if (body_bytes + kHeaderBytes <= payload_limit_) return;
  throw Error(Errc::too_large, endpoint_.text(),
              "message too large (" + std::to_string(body_bytes + kHeaderBytes) +
                  " bytes with its frame and headers, the server takes " +
                  std::to_string(payload_limit_) +
                  "); max_payload in the server's configuration raises the limit");
}

void NatsSender::rethrow() const {
  if (failure_) std::rethrow_exception(failure_);
}

SendResult NatsSender::flush(Deadline deadline) {
  check_owner(readiness_, endpoint_);
  return readiness_.closed() ? SendResult::closed : await_settled(deadline);
}

SendResult NatsSender::await_settled(Deadline deadline) {
  Lock lock(mutex_);
  awaits_all_ = true;
  SendResult result = SendResult::sent;
  while (window_.in_flight() > 0) {
    rethrow();
    readiness_.clear();
    const bool absent = !up_;
    lock.unlock();
    const bool woken = readiness_.wait(deadline);
    lock.lock();
    if (!woken) result = absent ? SendResult::no_peer : SendResult::timed_out;
    if (readiness_.closed() && !ending_) result = SendResult::closed;
    if (result != SendResult::sent) break;
  }
  awaits_all_ = false;
  readiness_.stay_signalled();
  return result;
}

void NatsSender::on_connection(bool is_up) {
  const Lock lock(mutex_);
  if (up_ && !is_up) ++connections_lost_;
  up_ = is_up;
  // What was under way is lost, or its answer is.
  if (is_up) window_.go_back(false);
  pause_until_ = {};
  readiness_.signal();
  wake_thread();
}

void NatsSender::on_end(const Error& why) {
  const Lock lock(mutex_);
  if (!failure_) failure_ = std::make_exception_ptr(why);
  readiness_.signal();
}

void NatsSender::on_refusal(std::string_view why) {
  const Lock lock(mutex_);
  refusals_.add(why);
}

void NatsSender::on_message(MessageHandle message) {
  std::string_view subject = natsMsg_GetSubject(message.get());
  const std::uint64_t attempt = take_number(subject);
  const std::uint64_t number = take_number(subject);
  const std::string_view text(natsMsg_GetData(message.get()),
                              static_cast<std::size_t>(natsMsg_GetDataLength(message.get())));
  std::optional<Refusal> refusal;
  if (text.empty()) {
    refusal = Refusal{.why = "no stream answers"};  // or it has no leader
  } else if (text.find("\"error\"") != std::string_view::npos) {
    refusal = refusal_of(text);
  }
  answered(number, attempt, refusal);
}

void NatsSender::answered(std::uint64_t number, std::uint64_t attempt,
                          const std::optional<Refusal>& refusal) {
  const Lock lock(mutex_);
  if (refusal) {
    // Of an earlier attempt: all that follows from it has been done.
    if (attempt == window_.attempt()) refused(*refusal);
  } else {
    if (!window_.acknowledge(number)) return;
    news_ = Clock::now();
    pause_ = {};
    refusals_.end();
    if (!publishing_) window_.forget_settled();
    // Not at the first byte of room: the two threads would take turns at every message.
    if (awaits_all_ ? window_.in_flight() == 0 : window_.has_room(options_.in_flight / 2)) {
      readiness_.signal();
    }
  }
  if (window_.has_next()) wake_thread();
}

void NatsSender::refused(const Refusal& refusal) {
  window_.go_back(!refusal.is_out_of_place);
  if (refusal.is_out_of_place) return;
  refusals_.add(refusal.why);
  pause_ = std::clamp<Clock::duration>(2 * pause_, kFirstPause, kLongestPause);
  pause_until_ = Clock::now() + pause_;
}

// With the mutex.
void NatsSender::wake_thread() {
  if (std::exchange(idle_, false)) flusher_->arm();
}

core::Flusher::Next NatsSender::turn() {
  Lock lock(mutex_);
  if (up_ && payload_limit_ == 0 && !failure_) look_for_stream(lock);
  go_back_where_silent();
  const auto now = Clock::now();
  if (up_ && payload_limit_ > 0 && now >= pause_until_) publish(lock);
  idle_ = true;
  if (payload_limit_ == 0 && !failure_) return {.pause = kLook};
  if (window_.in_flight() == 0) return {};
  if (pause_until_ > now) return {.pause = pause_until_ - now};
  return {.pause = kLook};
}

void NatsSender::look_for_stream(Lock& lock) {
  lock.unlock();
  std::uint64_t limit = 0;
  std::optional<std::string> why;
  std::exception_ptr failure;
  try {
    why = connection_.find_stream(options_, Deadline::after(kOpening), limit);
  } catch (const Error&) {
    failure = std::current_exception();
  }
  lock.lock();
  payload_limit_ = limit;
  if (failure) failure_ = failure;
  if (why) refusals_.add(*why);
  readiness_.signal();
}

void NatsSender::go_back_where_silent() {
  if (window_.in_flight() == 0 || Clock::now() < news_ + kSilence) return;
  news_ = Clock::now();
  window_.go_back(false);
}

// Publishing waits where the server is slow to read, so it is done without the mutex.
void NatsSender::publish(Lock& lock) {
  constexpr std::size_t kAtOnce = 64;
  while (true) {
    if (window_.on_the_way() == 0) news_ = Clock::now();
    under_way_.clear();
    while (under_way_.size() < kAtOnce) {
      const auto next = window_.next();
      if (!next) break;
      under_way_.push_back(*next);
    }
    if (under_way_.empty()) break;
    const std::uint64_t attempt = window_.attempt();
    publishing_ = true;
    lock.unlock();
    const bool done = std::ranges::all_of(
        under_way_, [&](const PublishWindow::Next& next) { return publish_one(next, attempt); });
    lock.lock();
    publishing_ = false;
    window_.forget_settled();
    if (!done) break;
  }
}

bool NatsSender::publish_one(const PublishWindow::Next& next, std::uint64_t attempt) {
  reply_.resize(reply_stem_);
  append(reply_, next.number);
  reply_ += '-';
  append(reply_, attempt);
  const MessageHandle message = next.what->to_message(options_.subject, reply_, next.after);
  return message && connection_.publish(message.get());
}

}  // namespace fifomq::jetstream
