#include "pipe_peek.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <utility>

namespace fifomq::fifo {
namespace {

using core::IoResult;
using core::IoStatus;

int bit_bucket() {
  static const core::UniqueFd kNull(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  return kNull.get();
}

// Without splice(2), or without /dev/null, the bytes are read away.
ssize_t discard_some(int pipe, std::size_t count) {
  static constinit std::atomic<bool> can_splice = true;
  if (can_splice.load(std::memory_order_relaxed)) {
    const ssize_t gone =
        ::splice(pipe, nullptr, bit_bucket(), nullptr, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (gone >= 0 || errno == EAGAIN || errno == EINTR) return gone;
    can_splice.store(false, std::memory_order_relaxed);
  }
  std::array<std::byte, 16'384> ignored;
  return ::read(pipe, ignored.data(), std::min(count, ignored.size()));
}

}  // namespace

std::uint64_t bytes_in_pipe(int pipe) {
  int standing = 0;
  return ioctl(pipe, FIONREAD, &standing) == 0 ? static_cast<std::uint64_t>(standing) : 0;
}

std::uint64_t discard(int pipe, std::uint64_t count) {
  std::uint64_t done = 0;
  while (done < count) {
    const ssize_t gone = discard_some(pipe, std::min<std::uint64_t>(count - done, INT_MAX));
    if (gone < 0 && errno == EINTR) continue;
    if (gone <= 0) break;
    done += static_cast<std::uint64_t>(gone);
  }
  return done;
}

PipePeek::PipePeek(int pipe, core::UniqueFd out, core::UniqueFd in)
    : pipe_(pipe), out_(std::move(out)), in_(std::move(in)) {}

std::optional<PipePeek> PipePeek::open(int pipe) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
  PipePeek peek(pipe, core::UniqueFd(ends[0]), core::UniqueFd(ends[1]));
  peek.match_capacity();
  const IoResult first = peek.copy();
  if (first.status == IoStatus::failed) {
    errno = first.error;
    return std::nullopt;
  }
  peek.ahead_ = first.count;
  return peek;
}

// As many pages as the pipe has: then our copy is full exactly when the pipe is. Only when it is
// empty.
void PipePeek::match_capacity() {
  const int wanted = fcntl(pipe_, F_GETPIPE_SZ);
  if (wanted > 0 && wanted != fcntl(in_.get(), F_GETPIPE_SZ)) {
    fcntl(in_.get(), F_SETPIPE_SZ, wanted);
  }
}

// The whole pipe, as far as there is room: how many bytes that is.
IoResult PipePeek::copy() {
  while (true) {
    const ssize_t count = ::tee(pipe_, in_.get(), INT_MAX, SPLICE_F_NONBLOCK);
    if (count > 0) return {IoStatus::done, static_cast<std::size_t>(count)};
    if (count == 0) return {IoStatus::would_block};
    if (errno != EINTR) return core::io_failure(errno);
  }
}

IoResult PipePeek::read(std::span<std::byte> into) {
  if (ahead_ == 0) {
    const IoResult looked = look();
    if (looked.status != IoStatus::done) return looked;
  }
  const IoResult result = core::read_some(out_.get(), into.first(std::min(into.size(), ahead_)));
  ahead_ -= result.count;
  seen_ += result.count;
  return result;
}

// done: something is ahead. To ask how much there is costs less than to copy it.
IoResult PipePeek::look() {
  int standing = 0;
  if (ioctl(pipe_, FIONREAD, &standing) != 0) return {.status = IoStatus::failed, .error = errno};
  const auto bytes = static_cast<std::uint64_t>(standing);
  if (bytes < window()) {
    stolen_ += window() - bytes;
    taken_ = seen_ - bytes;
  }
  if (bytes == window()) return {IoStatus::would_block};
  IoResult copied = copy();
  if (copied.status == IoStatus::done && copied.count <= window()) {
    // The pipe may have become larger since.
    empty_copy(copied.count);
    match_capacity();
    copied = copy();
  }
  if (copied.status != IoStatus::done) return copied;
  empty_copy(std::min<std::uint64_t>(window(), copied.count));
  if (copied.count <= window()) return {IoStatus::no_room};
  ahead_ = copied.count - window();
  return copied;
}

std::uint64_t PipePeek::backlog() const {
  const std::uint64_t standing = bytes_in_pipe(pipe_);
  // Fewer than were read and not taken: somebody else took some.
  return standing - std::min(standing, window());
}

bool PipePeek::take_until(std::uint64_t place) {
  if (place <= taken_) return false;
  const std::uint64_t count = place - taken_;
  stolen_ += count - discard(pipe_, count);
  taken_ = place;
  return true;
}

bool PipePeek::full() {
  if (ahead_ > 0 || window() == 0) return false;
  match_capacity();
  const IoResult copied = copy();
  if (copied.status != IoStatus::done) return false;
  pollfd room{.fd = in_.get(), .events = POLLOUT, .revents = 0};
  const bool has_room = ::poll(&room, 1, 0) > 0;
  empty_copy(copied.count);
  return !has_room && copied.count == window();
}

}  // namespace fifomq::fifo
