#include "core/stream_receiver.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

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
// How often a source that is never empty is asked for its successor.
constexpr auto kBetweenLooks = std::chrono::milliseconds(500);

}  // namespace

StreamReceiver::StreamReceiver(Endpoint endpoint, Capabilities capabilities,
                               std::unique_ptr<ByteSource> source, MakeDecoder make_decoder,
                               std::optional<std::uint64_t> take_at_most,
                               std::chrono::nanoseconds busy_poll)
    : endpoint_(std::move(endpoint)),
      capabilities_(capabilities),
      readiness_(endpoint_.text()),
      make_decoder_(std::move(make_decoder)),
      busy_poll_(busy_poll),
      left_(take_at_most),
      current_(make_inlet(std::move(source))),
      next_look_(Deadline::Clock::now() + kBetweenLooks),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_) throw system_error(errno, endpoint_.text(), "make a timer");
  readiness_.watch(timer_.get(), EPOLLIN);
}

void StreamReceiver::keep_half_done_in(const std::string& path) {
  HalfDoneFile& file = current_.half_done.emplace(path);
  const ByteBuffer kept = file.load();
  if (kept.empty()) return;
  std::ranges::copy(kept.view(), current_.decoder->room(kept.size()).begin());
  current_.decoder->filled(kept.size());
  current_.restored = kept.size();
}

// What throws leaves the source with the caller.
Inlet StreamReceiver::make_inlet(std::unique_ptr<ByteSource>&& source) {
  Inlet inlet{.decoder = make_decoder_()};
  if (left_ || stops_) inlet.decoder->read_exactly();
  source->attach(readiness_);
  inlet.source = std::move(source);
  return inlet;
}

Counters StreamReceiver::counters() const {
  Counters all = retired_;
  all += current_.counters();
  for (const Inlet& inlet : older_) all += inlet.counters();
  return all;
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
  bool edges_taken = !capabilities_.explicit_commit;
  for (std::size_t fills = 0; !readiness_.closed();) {
    if (left_ != 0 && next(message)) return ReceiveResult::received;
    if (ended_ || left_ == 0 || all_handed_out()) {
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
    if (half_done() && next(message)) return ReceiveResult::received;
    if (woken && follow(Deadline::Clock::now())) continue;
    if (!std::exchange(edges_taken, true)) {
      readiness_.take_edges();
      continue;
    }
    prepare_to_wait();
    // A descriptor that is ready for nothing delays no deadline.
    if (woken && deadline.expired()) return ReceiveResult::timed_out;
    woken = short_wait_.learn([&] { return readiness_.wait(deadline); });
    if (!woken) return ReceiveResult::timed_out;
    edges_taken = !capabilities_.explicit_commit;
  }
  return ReceiveResult::closed;
}

bool StreamReceiver::next(MessageView& message) {
  for (Inlet& inlet : older_) {
    if (next_of(inlet, message)) return true;
  }
  return next_of(current_, message);
}

bool StreamReceiver::next_of(Inlet& inlet, MessageView& message) {
  if (capabilities_.explicit_commit) log_.make_room();
  if (!inlet.decoder->next(message)) return false;
  if (left_) --*left_;
  if (polled_) readiness_.signal();
  if (capabilities_.explicit_commit) {
    log_.add({.inlet = inlet.number, .floor = inlet.decoder->needed_from()});
    ++inlet.uncommitted;
  }
  return true;
}

void StreamReceiver::commit(std::uint64_t n) {
  if (!capabilities_.explicit_commit) return;
  log_.commit(n, [this](const CommitLog::Entry& entry) {
    Inlet& from = inlet(entry.inlet);
    from.floor = entry.floor;
    --from.uncommitted;
  });
  bool taken = current_.take();
  for (Inlet& inlet : older_) taken = inlet.take() || taken;
  // What had no room may stand there already, and no event will tell.
  if (taken && std::exchange(starved_, false)) readiness_.signal();
}

void StreamReceiver::stop_taking() {
  stops_ = true;
  current_.decoder->read_exactly();
  for (const Inlet& inlet : older_) inlet.decoder->read_exactly();
  if (polled_) readiness_.signal();
}

Inlet& StreamReceiver::inlet(std::uint64_t number) {
  const auto found = std::ranges::find(older_, number, &Inlet::number);
  return found == older_.end() ? current_ : *found;
}

// False when there is nothing to be read.
bool StreamReceiver::fill() {
  const auto now = Deadline::Clock::now();
  last_read_ = 0;
  bool filled = fill(current_, now);
  for (Inlet& inlet : older_) filled = fill(inlet, now) || filled;
  if (now >= next_look_) filled = follow(now) || filled;
  return filled;
}

bool StreamReceiver::fill(Inlet& inlet, Time now) {
  Decoder& decoder = *inlet.decoder;
  if (decoder.waiting()) decoder.was_empty_until(now);
  std::span<std::byte> room = decoder.room(kReadBytes);
  // What is half done is read to its end, and nothing behind it.
  if (stops_ && !decoder.waiting()) return false;
  const auto most = stops_ ? std::optional<std::uint64_t>(1) : left_;
  if (most) room = room.first(std::min<std::uint64_t>(room.size(), decoder.wanted(*most)));
  inlet.settle_restored();
  const IoResult result = inlet.source->read(room);
  inlet.left = result.status == IoStatus::no_peer || result.status == IoStatus::end;
  switch (result.status) {
    case IoStatus::done:
      decoder.filled(result.count);
      last_read_ = result.count;
      return true;
    case IoStatus::end:
      decoder.finish();
      if (&inlet != &current_) break;
      ended_ = true;
      return true;
    case IoStatus::failed:
      throw system_error(result.error, endpoint_.text(), "read");
    case IoStatus::no_peer:
      decoder.writers_left();
      break;
    case IoStatus::would_block:
      if (capabilities_.explicit_commit && decoder.waiting() && inlet.source->full()) {
        return look_full(inlet);
      }
      break;
    case IoStatus::no_room:
      return look_full(inlet);
  }
  if (capabilities_.explicit_commit && inlet.uncommitted == 0) inlet.take();
  if (decoder.waiting()) decoder.source_empty(now);
  return false;
}

// Nothing more can come before something is taken. Who waits for room is not silent, so the time
// does not count against him.
bool StreamReceiver::look_full(Inlet& inlet) {
  if (inlet.uncommitted > 0) {
    starved_ = true;
    return false;
  }
  return inlet.take() || inlet.take_half_done();
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

bool StreamReceiver::half_done() const {
  return current_.decoder->waiting() ||
         std::ranges::any_of(older_, [](const Inlet& inlet) { return inlet.decoder->waiting(); });
}

void StreamReceiver::prepare_to_wait() {
  retire();
  tick(half_done());
  current_.source->watch_writers(current_.decoder->waiting());
  readiness_.clear();
}

// True when another source has taken the current one's place.
bool StreamReceiver::follow(Time now) {
  // At once, if anything of this throws: it is in nobody's hands but ours by then.
  next_look_ = now;
  if (!successor_) successor_ = current_.source->successor();
  const bool is_there = successor_ != nullptr;
  if (is_there) {
    older_.reserve(older_.size() + 1);
    Inlet inlet = make_inlet(std::move(successor_));
    inlet.number = current_.number + 1;
    older_.push_back(std::exchange(current_, std::move(inlet)));
    ++retired_.reopened;
  }
  next_look_ = now + kBetweenLooks;
  return is_there;
}

void StreamReceiver::retire() {
  std::erase_if(older_, [this](const Inlet& inlet) {
    if (inlet.done()) retired_ += inlet.decoder->counters();
    return inlet.done();
  });
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
    const auto interval = std::max<std::chrono::nanoseconds>(current_.decoder->empty_interval(),
                                                             std::chrono::milliseconds(1));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval);
    timer.it_interval = {.tv_sec = seconds.count(), .tv_nsec = (interval - seconds).count()};
    timer.it_value = timer.it_interval;
  }
  timerfd_settime(timer_.get(), 0, &timer, nullptr);
}

}  // namespace fifomq::core
