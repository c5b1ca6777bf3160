#include "nats_receiver.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <fifomq/error.hpp>

#include "core/posix.hpp"

namespace fifomq::jetstream {
namespace {

using std::chrono::milliseconds;

// How long the server may take to confirm what is committed.
constexpr milliseconds kConfirming{500};
// More is asked for when no more than so many are here.
constexpr std::uint64_t kFewHere = 500;
constexpr std::uint64_t kMostAsked = 1'000;

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

ByteView bytes_of(const natsMsg* message) {
  return as_byte_view(
      {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))});
}

}  // namespace

NatsReceiver::NatsReceiver(Endpoint endpoint, NatsOptions options, const OpenOptions& open,
                           core::Notice notice)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      explicit_commit_(open.explicit_commit),
      readiness_(endpoint_.text()),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      left_(open.take_at_most),
      log_(open.log),
      refusals_(endpoint_.text() + ": the server gives out no messages",
                "it is asked again until it does", log_),
      connection_(options_, *this, log_, true),
      consumer_(options_, connection_, [this](std::string_view why) { on_refusal(why); }),
      reader_(options_.max_message, std::move(notice)) {
  if (!timer_) throw core::system_error(errno, endpoint_.text(), "make a timer");
  readiness_.watch(timer_.get(), EPOLLIN);
  if (connection_.is_up()) {
    if (const auto why = find_stream(Deadline::after(kOpening))) on_refusal(*why);
  }
  {
    const Lock lock(mutex_);
    up_ = connection_.is_up();
    is_new_connection_ = up_;
  }
  await_place();
  readiness_.signal();
}

NatsReceiver::~NatsReceiver() {
  if (part_committed_ && !readiness_.is_copy()) keep_part();
  connection_.close();
}

void NatsReceiver::keep_part() {
  try {
    readiness_.ignore_close();
    consumer_.keep_part(part_committed_->delivery, part_committed_->frames);
    const Deadline deadline = Deadline::after(kConfirming);
    while (!consumer_.confirmed() && connection_goes_on() && wait(deadline)) take_arrived();
  } catch (...) {  // NOLINT(bugprone-empty-catch): what was committed of it comes again
  }
}

void NatsReceiver::rethrow() const {
  const Lock lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

std::optional<std::string> NatsReceiver::find_stream(Deadline deadline) {
  std::uint64_t limit = 0;
  auto why = connection_.find_stream(options_, deadline, limit);
  stream_found_ = !why;
  return why;
}

// Where there is a server, so that what is wrong is said at once.
void NatsReceiver::await_place() {
  const Deadline deadline = Deadline::after(kOpening);
  do {
    step(deadline);
    rethrow();
  } while (connection_.is_up() && !consumer_.ready() && wait(deadline));
  if (!consumer_.in_use()) return;
  throw Error(Errc::in_use, endpoint_.text(),
              "the consumer '" + options_.durable +
                  "' has a receiver, and it takes one; durable=NAME gives another one a consumer "
                  "of its own");
}

Capabilities NatsReceiver::capabilities() const {
  Capabilities capabilities = *scheme_infos().front().receiver;
  capabilities.explicit_commit = explicit_commit_;
  return capabilities;
}

Counters NatsReceiver::counters() const {
  Counters all = counters_;
  // What is here and has not been acknowledged is the next receiver's still.
  all.messages_pending = acknowledged_;
  if (!explicit_commit_) all.messages_pending += std::min(frames_.left(), left_.value_or(kNoEnd));
  all.messages_received = all.messages_delivered + all.dropped() + all.messages_pending;
  const Lock lock(mutex_);
  all.peers = up_ ? 1 : 0;
  all.peers_lost = connections_lost_;
  return all;
}

void NatsReceiver::on_message(MessageHandle message) {
  const Lock lock(mutex_);
  arrived_.push_back(std::move(message));
  readiness_.signal();
}

void NatsReceiver::on_connection(bool is_up) {
  const Lock lock(mutex_);
  if (up_ && !is_up) ++connections_lost_;
  up_ = is_up;
  is_new_connection_ = is_up;
  readiness_.signal();
}

void NatsReceiver::on_end(const Error& why) {
  const Lock lock(mutex_);
  if (!failure_) failure_ = std::make_exception_ptr(why);
  readiness_.signal();
}

void NatsReceiver::on_refusal(std::string_view why) {
  const Lock lock(mutex_);
  refusals_.add(why);
}

ReceiveResult NatsReceiver::receive(MessageView& message, Deadline deadline) {
  check_owner(readiness_, endpoint_);
  while (!readiness_.closed()) {
    step(deadline);
    if (ended()) {
      readiness_.signal();
      return ReceiveResult::end_of_stream;
    }
    if (hand_out(message)) {
      readiness_.stay_signalled();
      return ReceiveResult::received;
    }
    rethrow();
    if (!wait(deadline)) return ReceiveResult::timed_out;
  }
  return ReceiveResult::closed;
}

bool NatsReceiver::ended() const {
  return left_ == 0 || (stopped_ && frames_.left() == 0 && consumer_.deliveries().empty());
}

// Until there is something to take in, or a moment has passed that the consumer asked for.
bool NatsReceiver::wait(Deadline deadline) {
  keep_time();
  {
    const Lock lock(mutex_);
    if (!arrived_.empty() || is_new_connection_) return true;
    readiness_.clear();
  }
  return readiness_.wait(deadline);
}

void NatsReceiver::keep_time() {
  const Clock::time_point at = consumer_.look_at();
  if (at == timer_at_ || (at > timer_at_ && timer_at_ > Clock::now())) return;
  timer_at_ = at;
  itimerspec spec{};
  if (at != Clock::time_point::max()) {
    const auto left = std::max<Clock::duration>(at - Clock::now(), milliseconds(1));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    spec.it_value = {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  }
  timerfd_settime(timer_.get(), 0, &spec, nullptr);
}

void NatsReceiver::step(Deadline deadline) {
  bool is_new = false;
  {
    const Lock lock(mutex_);
    is_new = up_ && std::exchange(is_new_connection_, false);
  }
  take_arrived();
  if (stopped_) {
    if (is_new && acknowledged_ > 0) acknowledge_all();
    return;
  }
  if (!connection_.is_up()) return consumer_.stop();
  if (is_new || Clock::now() >= consumer_.look_at()) begin(deadline);
  pull();
}

// The stream first: whoever comes first makes it.
void NatsReceiver::begin(Deadline deadline) {
  if (!stream_found_) {
    if (const auto why = find_stream(deadline)) {
      on_refusal(*why);
      return consumer_.pause();
    }
  }
  consumer_.begin();
}

void NatsReceiver::take_arrived() {
  std::deque<MessageHandle> arrived;
  {
    const Lock lock(mutex_);
    arrived.swap(arrived_);
  }
  for (MessageHandle& message : arrived) consumer_.take(std::move(message));
  if (arrived.empty() || consumer_.deliveries().empty()) return;
  const Lock lock(mutex_);
  refusals_.end();
}

void NatsReceiver::pull() {
  const std::uint64_t here = consumer_.deliveries().size();
  if (here > kFewHere || !consumer_.ready()) return;
  const std::uint64_t left = left_.value_or(kMostAsked + here);
  consumer_.pull(left > here ? std::min(left - here, kMostAsked) : 0);
}

bool NatsReceiver::hand_out(MessageView& message) {
  while (frames_.left() > 0 || open_delivery()) {
    const auto body = frames_.next();
    ++taken_;
    const bool whole = body ? reader_.read(*body, message, counters_)
                            : reader_.refuse(&Counters::undecodable, core::kBatchCutOff, counters_);
    if (explicit_commit_) note_uncommitted(whole);
    if (!whole) continue;
    if (left_) --*left_;
    ++counters_.messages_delivered;
    counters_.sequence_gaps += writers_.missing_before(message.origin.value_or(Origin{}));
    return true;
  }
  return false;
}

// Behind what an earlier receiver has taken of it.
bool NatsReceiver::open_delivery() {
  std::deque<Delivery>& deliveries = consumer_.deliveries();
  if (deliveries.empty() || !may_hand_out()) return false;
  current_ = std::move(deliveries.front());
  deliveries.pop_front();
  if (!explicit_commit_) --acknowledged_;
  frames_ = core::FramesOfBody(bytes_of(current_.message.get()));
  taken_ = std::min(current_.taken, frames_.left() - 1);
  for (std::uint64_t i = 0; i < taken_; ++i) frames_.next();
  return true;
}

void NatsReceiver::note_uncommitted(bool counts) {
  const bool is_last = frames_.left() == 0;
  if (!counts && is_last && uncommitted_.empty()) {
    part_committed_.reset();
    return consumer_.acknowledge(current_);
  }
  uncommitted_.push_back({.delivery = {.message = nullptr,
                                       .stream_sequence = current_.stream_sequence,
                                       .consumer_sequence = current_.consumer_sequence},
                          .frames = taken_,
                          .is_last = is_last,
                          .counts = counts});
}

bool NatsReceiver::may_hand_out() {
  if (explicit_commit_) return true;
  const bool lost = acknowledged_in_ != consumer_.beginnings() && !consumer_.confirmed();
  if (acknowledged_ == 0 || lost) acknowledge_all();
  return consumer_.confirmed();
}

// All that is here, but no more than may be handed out.
void NatsReceiver::choose_acknowledged() {
  part_ = 0;
  std::uint64_t room = left_.value_or(kNoEnd);
  for (const Delivery& delivery : consumer_.deliveries()) {
    if (room == 0) return;
    ++acknowledged_;
    if (!left_) continue;
    const std::uint64_t frames = core::FramesOfBody(bytes_of(delivery.message.get())).left();
    const std::uint64_t taken = std::min(delivery.taken, frames - 1);
    if (frames - taken > room) {
      part_ = taken + room;
      return;
    }
    room -= frames - taken;
  }
}

void NatsReceiver::acknowledge_all() {
  const std::deque<Delivery>& deliveries = consumer_.deliveries();
  if (acknowledged_ == 0) choose_acknowledged();
  acknowledged_in_ = consumer_.beginnings();
  for (std::size_t i = 0; i + 1 < acknowledged_; ++i) consumer_.acknowledge(deliveries[i]);
  const Delivery& last = deliveries[acknowledged_ - 1];
  if (part_ > 0) {
    consumer_.keep_part(last, part_);
  } else {
    consumer_.acknowledge_and_confirm(last);
  }
}

void NatsReceiver::commit(std::uint64_t n) {
  check_owner(readiness_, endpoint_);
  std::optional<Delivery> last;
  while (!uncommitted_.empty() && (committed_ < n || !uncommitted_.front().counts)) {
    Uncommitted& front = uncommitted_.front();
    if (front.counts) ++committed_;
    if (front.is_last) {
      if (last) consumer_.acknowledge(*last);
      last.emplace(std::move(front.delivery));
      part_committed_.reset();
    } else {
      part_committed_.emplace(std::move(front));
    }
    uncommitted_.pop_front();
  }
  if (!last) return;
  consumer_.acknowledge_and_confirm(*last);
  await_confirmation(Deadline::after(kConfirming));
  // What came meanwhile has been taken in, and is behind no descriptor any more.
  readiness_.stay_signalled();
}

// What a server has not read when we are killed, it may throw away. Over a new connection no answer
// comes to what was sent before: what was lost comes again, and is acknowledged again.
void NatsReceiver::await_confirmation(Deadline deadline) {
  while (!consumer_.confirmed() && connection_goes_on() && !readiness_.closed() && wait(deadline)) {
    take_arrived();
  }
}

bool NatsReceiver::connection_goes_on() const {
  const Lock lock(mutex_);
  return up_ && !is_new_connection_;
}

// What the server does not know to be taken is left to the next receiver.
void NatsReceiver::stop_taking() {
  check_owner(readiness_, endpoint_);
  stopped_ = true;
  consumer_.stop();
  std::deque<Delivery>& deliveries = consumer_.deliveries();
  deliveries.erase(deliveries.begin() + static_cast<std::ptrdiff_t>(acknowledged_),
                   deliveries.end());
  readiness_.signal();
}

}  // namespace fifomq::jetstream
