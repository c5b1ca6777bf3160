#include "record_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <utility>

#include "core/frame_body.hpp"
#include "core/posix.hpp"

namespace fifomq::spool {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

}  // namespace

RecordReader::RecordReader(const SpoolFolder& folder, const StateFile& written,
                           SpoolOptions options, std::optional<std::uint64_t> position,
                           core::Notice notice)
    : folder_(folder), written_(written), options_(std::move(options)), notice_(std::move(notice)) {
  learn();
  begin_at(position);
}

// Where it is not known, with the oldest there is.
void RecordReader::begin_at(std::optional<std::uint64_t> position) {
  list();
  const std::uint64_t oldest = later_.empty() ? 0 : later_.front().base;
  position_ = position.value_or(oldest);
  // The last one that begins there or before.
  while (later_.size() > 1 && later_[1].base <= position_) {
    passed_.push_back({later_.front(), later_[1].base});
    later_.pop_front();
  }
}

RecordReader::Look RecordReader::next(MessageView& message) {
  if (!file_ && !enter()) return Look::nothing;
  if (unread().size() < kHeadBytes && !fill(kHeadBytes)) return look_at_end();
  const auto body_size = read_head(unread(), place());
  if (!body_size) return step_over_damage();
  in_step_ = true;
  const std::uint64_t size = kHeadBytes + *body_size;
  if (*body_size > options_.max_message + core::kMaxHeaderBytes) {
    if (may_change(size)) return wait();
    ++counters_.messages_received;
    ++counters_.too_large;
    skip(std::min(size, limit() - position_));
    return Look::progress;
  }
  if (unread().size() < size && !fill(size)) return look_at_end();
  return take(*body_size, message);
}

RecordReader::Look RecordReader::take(std::size_t body_size, MessageView& message) {
  const std::size_t size = kHeadBytes + body_size;
  if (!decode(unread().subspan(kHeadBytes, body_size), message)) {
    if (may_change(size)) return wait();
    ++counters_.frames_damaged;
    announce(size, "a message is damaged");
    skip(size);
    return Look::progress;
  }
  ++counters_.messages_received;
  counters_.sequence_gaps += writers_.missing_before(*message.origin);
  if (message.payload.size() > options_.max_message) {
    ++counters_.too_large;
    skip(size);
    return Look::progress;
  }
  ++counters_.messages_delivered;
  counters_.bytes_in_messages += size;
  use(size);
  return Look::message;
}

// What has no checksum is none of ours.
bool RecordReader::decode(ByteView body, MessageView& message) {
  return core::read_checked_body(body, message, unknown_) == core::ParseStatus::parsed;
}

// Reads on until so many bytes are there. False when the segment has no more now.
bool RecordReader::fill(std::size_t wanted) {
  buffer_.drop_front(std::exchange(used_, 0));
  if (buffer_.empty() && buffer_.capacity() > kKeptBytes && wanted < kKeptBytes) buffer_.release();
  while (buffer_.size() < wanted) {
    if (read_to() >= limit()) return false;
    const std::size_t room = std::max(wanted - buffer_.size(), kReadBytes);
    std::span<std::byte> into = buffer_.spare(room);
    into = into.first(std::min<std::uint64_t>(into.size(), limit() - read_to()));
    const ssize_t count =
        pread(file_.get(), into.data(), into.size(), static_cast<off_t>(read_to() - segment_.base));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw core::system_error(errno, options_.endpoint,
                               std::string("read ") + segment_.name().data());
    }
    if (count == 0) return false;
    buffer_.add_size(static_cast<std::size_t>(count));
  }
  return true;
}

// The segment ends before the record that begins here, or it has just begun to be written.
RecordReader::Look RecordReader::look_at_end() {
  if (!sealed_) {
    if (learn()) return Look::progress;
    // What should be there is not.
    const bool is_current = written_base_ == segment_.base;
    if (!is_current || read_to() >= written_end_) return wait();
    skip(unread().size());
    miss_until(written_end_);
    return Look::progress;
  }
  if (!unread().empty()) drop_half();
  leave();
  return Look::progress;
}

// Its sender was killed when it wrote it, if the next one has gone on where the file ends.
void RecordReader::drop_half() {
  if (in_step_ && read_to() == limit()) {
    ++counters_.messages_received;
    ++counters_.given_up;
  } else {
    counters_.frames_damaged += in_step_ ? 1 : 0;
    announce(unread().size(), "a message is cut off");
  }
  skip(unread().size());
}

// What stands there may be on its way; it is read afresh when there is more.
RecordReader::Look RecordReader::wait() {
  buffer_.clear();
  used_ = 0;
  return learn() ? Look::progress : Look::nothing;
}

// Whether there is something new to look at: then what was read may be old.
bool RecordReader::learn() {
  const auto written = written_.load();
  const bool is_new =
      written && (written->first != written_base_ || written->second != written_end_);
  if (!is_new && written) return false;
  // Where the sender's word is damaged, what stands in the folder counts. What throws leaves what
  // is new to be learnt again.
  if (file_ && (!written || written->first >= next_base_)) list();
  if (is_new) {
    written_base_ = written->first;
    written_end_ = written->second;
  }
  if (!file_) return is_new;
  buffer_.clear();
  used_ = 0;
  const bool was_sealed = std::exchange(sealed_, has_later());
  return is_new || sealed_ != was_sealed;
}

RecordReader::Look RecordReader::step_over_damage() {
  if (may_change(1)) return wait();
  if (std::exchange(in_step_, false)) ++counters_.frames_damaged;
  std::uint64_t count = skip_to_head(unread());
  if (!sealed_) count = std::min(count, written_end_ - position_);
  announce(count, "damage");
  skip(count);
  return Look::progress;
}

void RecordReader::use(std::size_t count) {
  used_ += count;
  position_ += count;
  counters_.bytes_in += count;
}

// Also more than has been read.
void RecordReader::skip(std::uint64_t count) {
  const std::size_t here = unread().size();
  used_ += std::min<std::uint64_t>(count, here);
  position_ += count;
  if (count > here) {
    buffer_.clear();
    used_ = 0;
  }
  counters_.bytes_in += count;
  counters_.bytes_skipped += count;
}

void RecordReader::miss_until(std::uint64_t position) {
  if (position <= position_) return;
  announce(position - position_, "the end of the file is missing");
  skip(position - position_);
}

// Nobody reads it where there is no memory for it.
void RecordReader::announce(std::uint64_t bytes, const char* what) noexcept {
  if (!notice_ || std::exchange(announced_, true)) return;
  try {
    notice_(std::string(segment_.name().data()) + ": " + what + ", at byte " +
            std::to_string(position_ - segment_.base) + ", " + std::to_string(bytes) +
            " bytes at least; what is whole behind it is read on");
  } catch (const std::bad_alloc&) {
    return;
  }
}

// Where the next segment begins. Behind that, a sender that found the disk full may have left a
// part of a record that stands there.
std::uint64_t RecordReader::limit() const {
  if (!sealed_) return std::numeric_limits<std::uint64_t>::max();
  return later_.empty() ? written_base_ : later_.front().base;
}

void RecordReader::list() {
  std::deque<Segment> later;
  for (const Segment& segment : folder_.segments()) {
    if (segment.base >= next_base_) later.push_back(segment);
  }
  later_ = std::move(later);
}

bool RecordReader::enter() {
  if (later_.empty()) {
    learn();
    list();
  }
  while (!file_ && !later_.empty()) {
    file_ = folder_.open(later_.front());
    segment_ = later_.front();
    next_base_ = segment_.base + 1;
    later_.pop_front();
  }
  if (!file_) return false;
  buffer_.clear();
  used_ = 0;
  in_step_ = true;
  announced_ = false;
  miss_until(segment_.base);
  sealed_ = has_later();
  return true;
}

void RecordReader::leave() {
  passed_.push_back({segment_, position_});
  file_ = {};
  sealed_ = false;
}

}  // namespace fifomq::spool
