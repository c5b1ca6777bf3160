#include "core/stream_receiver.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>

#include "core/encoder.hpp"

namespace fifomq::core {
namespace {

// As much as a pipe holds by default.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;
// How many reads of an empty source go by between two looks at the clock, when it is polled.
constexpr int kReadsBetweenLooks = 8;
// And how many that brought something.
constexpr std::size_t kFillsBetweenLooks = 256;
// A reader that has caught up with a writer at full speed would find a page or two each time, and
// hold the pipe whenever the writer wants it. A moment later half a pipe is there.
constexpr std::size_t kFewBytes = kReadBytes / 2;
constexpr std::chrono::nanoseconds kMoment{3000};
// Between two looks for a message that follows another one closely.
constexpr std::chrono::nanoseconds kSoon{300};

}  // namespace

StreamReceiver::StreamReceiver(Endpoint endpoint, Capabilities capabilities,
                               std::unique_ptr<ByteSource> source, std::unique_ptr<Decoder> decoder,
                               std::optional<std::uint64_t> take_at_most,
                               std::chrono::nanoseconds busy_poll)
    : endpoint_(std::move(endpoint)),
      capabilities_(capabilities),
      readiness_(endpoint_.text()),
      source_(std::move(source)),
      decoder_(std::move(decoder)),
      busy_poll_(busy_poll),
      left_(take_at_most),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_) throw system_error(errno, endpoint_.text(), "make a timer");
  if (left_) decoder_->read_exactly();
  readiness_.watch(timer_.get(), EPOLLIN);
  source_->attach(readiness_);
}

// Messages that are decoded from bytes already read are not behind any descriptor, so from now on
// the receiver signals them itself.
int StreamReceiver::poll_fd() {
  if (!polled_) {
    polled_ = true;
    readiness_.signal();
  }
  return readiness_.fd();
}

ReceiveResult StreamReceiver::receive(MessageView& message, Deadline deadline) {
  bool woken = false;
  for (std::size_t fills = 0; !readiness_.closed();) {
    if (left_ != 0 && next(message)) return ReceiveResult::received;
    if (ended_ || left_ == 0) {
      readiness_.signal();
      return ReceiveResult::end_of_stream;
    }
    if (last_read_ >= kPieceBytes / 2 && last_read_ < kFewBytes) ShortWait::pause(kMoment);
    const auto between = last_read_ >= kPieceBytes / 2 ? kMoment : kSoon;
    if (fill() || spin(deadline) || short_wait_.spin(between, [&] { return fill(); })) {
      // A stream in which no message is found must not hold the caller beyond its deadline.
      if (++fills % kFillsBetweenLooks == 0 && deadline.expired()) return ReceiveResult::timed_out;
      continue;
    }
    if (decoder_->waiting() && next(message)) return ReceiveResult::received;
    tick(decoder_->waiting());
    source_->watch_writers(decoder_->waiting());
    readiness_.clear();
    // A descriptor that is ready for nothing delays no deadline.
    if (woken && deadline.expired()) return ReceiveResult::timed_out;
    woken = short_wait_.learn([&] { return readiness_.wait(deadline); });
    if (!woken) return ReceiveResult::timed_out;
  }
  return ReceiveResult::closed;
}

bool StreamReceiver::next(MessageView& message) {
  if (!decoder_->next(message)) return false;
  if (left_) --*left_;
  if (polled_) readiness_.signal();
  return true;
}

// False when the source is empty.
bool StreamReceiver::fill() {
  if (decoder_->waiting()) decoder_->was_empty_until(Deadline::Clock::now());
  std::span<std::byte> room = decoder_->room(kReadBytes);
  if (left_) room = room.first(std::min<std::uint64_t>(room.size(), decoder_->wanted(*left_)));
  const IoResult result = source_->read(room);
  last_read_ = 0;
  switch (result.status) {
    case IoStatus::done:
      decoder_->filled(result.count);
      last_read_ = result.count;
      return true;
    case IoStatus::end:
      decoder_->finish();
      ended_ = true;
      return true;
    case IoStatus::failed:
      throw system_error(result.error, endpoint_.text(), "read");
    case IoStatus::no_peer:
      decoder_->writers_left();
      break;
    case IoStatus::would_block:
      break;
  }
  if (decoder_->waiting()) decoder_->source_empty(Deadline::Clock::now());
  return false;
}

bool StreamReceiver::spin(Deadline deadline) {
  if (busy_poll_ == busy_poll_.zero()) return false;
  const Deadline enough = Deadline::after(busy_poll_);
  while (!enough.expired() && !deadline.expired() && !readiness_.closed()) {
    for (int i = 0; i < kReadsBetweenLooks; ++i) {
      if (fill()) return true;
    }
  }
  return false;
}

// While something is half done, a tick wakes whoever waits, so that it can be given up in time.
void StreamReceiver::tick(bool needed) {
  std::uint64_t ticks = 0;
  if (ticking_) [[maybe_unused]]
    const auto count = ::read(timer_.get(), &ticks, sizeof ticks);
  if (ticking_ == needed) return;
  ticking_ = needed;
  itimerspec timer{};
  if (needed) {
    const auto interval = std::max<std::chrono::nanoseconds>(decoder_->empty_interval(),
                                                             std::chrono::milliseconds(1));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval);
    timer.it_interval = {.tv_sec = seconds.count(), .tv_nsec = (interval - seconds).count()};
    timer.it_value = timer.it_interval;
  }
  timerfd_settime(timer_.get(), 0, &timer, nullptr);
}

}  // namespace fifomq::core
