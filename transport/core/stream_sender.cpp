#include "core/stream_sender.hpp"

#include <algorithm>
#include <utility>

#include "core/send_errors.hpp"

namespace fifomq::core {
namespace {

using std::chrono::milliseconds;

// So many leave with one system call, most of what may wait: while one end has the pipe, the other
// waits, and each time they change over, the pipe's state moves from one processor to the other.
// (Measured on two processors at 1 KiB: 8 at once 1.0, 12 the same, 16 1.05, 24 1.18, 31 1.1.)
constexpr std::size_t kPagesAtOnce = PageQueue::kMostPages * 3 / 4;
// From here on a message that comes by itself is worth fresh memory.
constexpr std::size_t kLargeMessageBytes = std::size_t{32} << 10;
// Between two looks for room in a pipe that is read at full speed: the reader takes many pages at
// once, and each look holds the pipe.
constexpr std::chrono::microseconds kSettlingMoment{2};
// Bytes that have left.
constexpr std::uint64_t kWorthFreshPages = std::uint64_t{4} << 20;
// How long the flusher waits to try again when no event tells that there is room.
constexpr auto kRetry = milliseconds(20);
// How long a sender that is destroyed waits for room.
constexpr auto kLinger = milliseconds(1000);

}  // namespace

StreamSender::StreamSender(Endpoint endpoint, Capabilities capabilities,
                           std::unique_ptr<ByteSink> sink, std::unique_ptr<Encoder> encoder,
                           std::uint64_t max_message,
                           std::optional<std::chrono::nanoseconds> coalesce)
    : endpoint_(std::move(endpoint)),
      capabilities_(capabilities),
      max_message_(max_message),
      coalesce_(coalesce),
      readiness_(endpoint_.text()),
      sink_(std::move(sink)),
      encoder_(std::move(encoder)) {
  sink_->attach(readiness_);
}

// What is owed is worth one try; a copy of the sender in a forked child owes nothing.
StreamSender::~StreamSender() {
  if (readiness_.is_copy()) {
    if (flusher_) Flusher::leave_to_parent(std::move(flusher_));
    return;
  }
  flusher_.reset();
  // What was gathered its sender takes for sent: it gets a while to leave, where somebody reads.
  readiness_.ignore_close();
  const Deadline deadline = Deadline::after(kLinger);
  while (push_quietly() == SendResult::timed_out && coalesce_ && readiness_.wait(deadline)) {
  }
}

// A sink that throws meets the next call again, if there is one.
SendResult StreamSender::push_quietly() noexcept {
  try {
    return push(Push::all);
  } catch (...) {
    out_->stalled = true;
    return SendResult::closed;
  }
}

StreamSender::Lock StreamSender::lock() {
  if (readiness_.is_copy()) renew_in_child();
  return Lock(*mutex_);
}

// The child of a fork writes as somebody else, and what its parent had accepted is the parent's.
// Its thread is not here.
void StreamSender::renew_in_child() {
  if (flusher_) Flusher::leave_to_parent(std::move(flusher_));
  mutex_ = std::make_unique<std::mutex>();
  armed_ = false;
  const std::uint64_t accepted = out_->accepted;
  const std::uint64_t bytes = out_->bytes;
  out_ = std::make_unique<Outgoing>();
  out_->accepted = out_->left = accepted;
  out_->bytes = bytes;
  encoder_->renew_identity();
  sink_->renew();
  readiness_.renew();
  sink_->attach(readiness_);
}

Counters StreamSender::counters() const {
  const Lock lock(*mutex_);
  Counters all;
  all.bytes_out = out_->bytes;
  all.abandoned = abandoned_;
  all.messages_received = out_->accepted;
  all.messages_delivered = out_->left;
  all.messages_pending = out_->accepted - out_->left;
  return all;
}

std::uint64_t StreamSender::settled() const { return counters().messages_delivered; }

int StreamSender::poll_fd() {
  if (readiness_.is_copy()) renew_in_child();
  return readiness_.fd();
}

SendResult StreamSender::send(const MessageView& message, Deadline deadline) {
  check_size(message, max_message_, endpoint_);
  Lock guard = lock();
  if (readiness_.closed()) return SendResult::closed;
  if (coalesce_ && !out_->gathering) pace_.begins();
  if (out_->stalled) {
    const SendResult earlier = push_until(deadline, guard);
    throw_failure();
    if (earlier != SendResult::sent) return earlier;
  }
  if (out_->gathering && !out_->stalled) {
    // The shorter way through what follows.
    if (gather_whole(message)) return SendResult::sent;
  }
  if (!encoder_->begin(message)) throw not_representable(encoder_->refusal(), endpoint_);
  const SendResult result = enqueue(message, deadline, guard);
  // What is whole in the end is sent; that the sink fails is said by the next call.
  if (result == SendResult::sent) {
    ++out_->accepted;
  } else {
    throw_failure();
  }
  return result;
}

// To fill a huge page, the kernel clears 2 MiB; who sends less than a few of these is served sooner
// by having small ones copied.
bool StreamSender::splices() const {
  return out_->bytes >= kWorthFreshPages && sink_->can_splice();
}

bool StreamSender::gather_whole(const MessageView& message) {
  PageQueue& pages = out_->pages;
  if (const std::size_t size = encoder_->put_whole(message, pages.room_here()); size > 0) {
    pages.add_here(size);
  } else {
    if (pages.complete_pages() + 1 >= kPagesAtOnce) return false;
    pages.use_fresh_pages(splices());
    const auto put = [&](std::byte* page) {
      return encoder_->put_whole(message, {page, kPieceBytes});
    };
    if (!pages.add_page(put)) return false;
  }
  out_->left += pages.end_message();
  ++out_->accepted;
  return true;
}

void StreamSender::throw_failure() {
  if (out_->error == 0) return;
  throw system_error(std::exchange(out_->error, 0), endpoint_.text(), "write");
}

SendResult StreamSender::enqueue(const MessageView& message, Deadline deadline, Lock& lock) {
  PageQueue& pages = out_->pages;
  const PageQueue::Mark mark = pages.mark();
  pages.use_fresh_pages(splices() &&
                        (out_->gathering || message.payload.size() > kLargeMessageBytes));
  try {
    if (const auto refused = enqueue_pieces(deadline, lock)) return give_up(*refused, mark);
  } catch (...) {
    // Whole it is all the same where it cannot be cancelled, and then it must not be sent again.
    if (give_up(SendResult::closed, mark) != SendResult::sent) throw;
    return SendResult::sent;
  }
  out_->left += pages.end_message();
  if (out_->gathering && !out_->stalled) return SendResult::sent;
  const SendResult result = leave_at_once(mark, deadline, lock);
  // There is nothing to gain with large ones.
  if (result == SendResult::sent && message.payload.size() <= kPieceBytes) notice_pace();
  return result;
}

// Why not all of them stand in the queue now, or have left.
std::optional<SendResult> StreamSender::enqueue_pieces(Deadline deadline, Lock& lock) {
  PageQueue& pages = out_->pages;
  while (encoder_->more()) {
    if (pages.full()) {
      const SendResult result = push_until(deadline, lock);
      if (result != SendResult::sent) return result;
    } else if (pages.complete_pages() >= kPagesAtOnce && !out_->stalled) {
      push(Push::complete_pages);
    }
    if (encoder_->fills_page()) {
      pages.add_page([&](std::byte* page) { return encoder_->fill_page(page); });
    } else {
      pages.make_room();
      pages.add(encoder_->next_piece());
    }
  }
  return std::nullopt;
}

void StreamSender::notice_pace() {
  if (!coalesce_) return;
  pace_.ends();
  if (pace_.quickens()) out_->gathering = need_flusher();
}

SendResult StreamSender::leave_at_once(const PageQueue::Mark& mark, Deadline deadline, Lock& lock) {
  SendResult result = SendResult::closed;
  try {
    result = push_until(deadline, lock);
  } catch (...) {
    out_->stalled = true;
    if (!out_->pages.begun(mark)) {
      forget(mark);
      throw;
    }
  }
  if (result == SendResult::sent) return result;
  if (out_->pages.begun(mark)) {
    // The rest of it leaves when there is room.
    need_flusher();
    return SendResult::sent;
  }
  forget(mark);
  return result;
}

void StreamSender::forget(const PageQueue::Mark& mark) {
  out_->pages.cut(mark);
  encoder_->forget();
}

// Where the system grants no thread, what waits leaves with the next call.
bool StreamSender::need_flusher() noexcept {
  if (armed_) return true;
  if (!coalesce_) return false;
  try {
    if (!flusher_) {
      flusher_ = std::make_unique<Flusher>(
          endpoint_.text(), [this](bool by_descriptor) { return flusher_turn(by_descriptor); });
    }
  } catch (...) {
    return false;
  }
  armed_ = true;
  flusher_->arm();
  return true;
}

// The message does not go on: it is cancelled behind what has left of it, or, where the framing
// cannot cancel, kept to be finished later.
SendResult StreamSender::give_up(SendResult why, const PageQueue::Mark& mark) {
  if (!out_->pages.begun(mark)) {
    forget(mark);
    return why;
  }
  const Remainder rest = encoder_->abandon();
  out_->owed = rest.bytes;
  out_->stalled = true;
  if (!rest.completes) {
    out_->pages.cut(mark);
    ++abandoned_;
    return why;
  }
  out_->owes_message = true;
  need_flusher();
  return SendResult::sent;
}

SendResult StreamSender::flush(Deadline deadline) {
  Lock guard = lock();
  if (readiness_.closed()) return SendResult::closed;
  const SendResult result = push_until(deadline, guard);
  throw_failure();
  return result;
}

SendResult StreamSender::push_until(Deadline deadline, Lock& lock) {
  while (true) {
    SendResult result = push(Push::all);
    const auto settled = [&] { return result == SendResult::sent || out_->error != 0; };
    const auto settles = [&] {
      result = push(Push::all);
      return settled();
    };
    if (settled() || short_wait_.spin(kSettlingMoment, settles)) return result;
    if (readiness_.closed()) return SendResult::closed;
    out_->waited_for = true;
    lock.unlock();
    // Asked here too, so that a descriptor that is ready for nothing delays no deadline.
    const bool again =
        !deadline.expired() && short_wait_.learn([&] { return readiness_.wait(deadline); });
    lock.lock();
    out_->waited_for = false;
    if (!again) {
      // From here on it is the flusher that waits.
      if (armed_) flusher_->arm();
      return result;
    }
    if (readiness_.closed()) return SendResult::closed;
  }
}

// As much as the sink takes now; `sent` when that is all.
SendResult StreamSender::push(Push what) {
  while (true) {
    if (out_->pages.empty() && out_->owed.empty()) break;
    if (what == Push::complete_pages && out_->pages.complete_pages() == 0) break;
    const IoResult result = push_once(what);
    switch (result.status) {
      case IoStatus::done:
        ++out_->pushes;
        out_->bytes += result.count;
        out_->error = 0;
        continue;
      case IoStatus::failed:
        out_->stalled = true;
        out_->error = result.error;
        return SendResult::closed;
      default:
        out_->stalled = true;
        return result.status == IoStatus::no_peer ? SendResult::no_peer : SendResult::timed_out;
    }
  }
  out_->stalled = false;
  return SendResult::sent;
}

IoResult StreamSender::push_once(Push what) {
  constexpr std::size_t kWorthSplicing = 2;
  PageQueue& pages = out_->pages;
  if (pages.empty()) {
    const ByteView rest = out_->owed;
    const IoResult result = sink_->write(rest.first(std::min(rest.size(), kPieceBytes)));
    out_->owed = rest.subspan(result.count);
    if (out_->owed.empty() && std::exchange(out_->owes_message, false)) ++out_->left;
    return result;
  }
  if (sink_->can_splice()) {
    const auto parts = pages.spliceable(what == Push::all);
    if (parts.size() >= kWorthSplicing) {
      const IoResult result = sink_->splice(parts);
      out_->left += pages.spliced(result.count);
      if (result.status == IoStatus::done && sink_->reuses_pages()) {
        pages.reuse_read_pages(sink_->pages_until_read());
      }
      if (result.status != IoStatus::failed || sink_->can_splice()) return result;
    }
  }
  const IoResult result = sink_->write(pages.front());
  if (result.status == IoStatus::done) out_->left += pages.copied(result.count);
  return result;
}

Flusher::Next StreamSender::flusher_turn(bool woken_by_descriptor) {
  const Lock guard(*mutex_);
  if (readiness_.closed()) return {};
  const std::uint64_t before = out_->pushes;
  push_quietly();
  if (out_->stalled) {
    // A descriptor that is ready for nothing must not make this a busy loop.
    const bool for_nothing = woken_by_descriptor && out_->pushes == before;
    const bool watch = !for_nothing && !out_->waited_for;
    return {.pause = kRetry, .fd = watch ? readiness_.fd() : -1};
  }
  if (pace_.slackens(out_->accepted) && out_->pages.empty()) {
    out_->gathering = armed_ = false;
    return {};
  }
  return {.pause = coalesce_};
}

}  // namespace fifomq::core
