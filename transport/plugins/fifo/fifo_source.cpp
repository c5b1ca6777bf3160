#include "fifo_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>
#include <new>
#include <utility>

#include "core/say.hpp"
#include "fifo_path.hpp"

namespace fifomq::fifo {
namespace {

// What a pipe holds unless the endpoint says so. Where more processes are busy than there are
// processors, an end waits for milliseconds until it is its turn, and this is what goes through in
// one: with the system's 64 KiB, a few dozen messages. (A user gets smaller pipes once his have
// more than 64 MiB in all.)
constexpr int kUsualBytes = 512 << 10;
// As much as anybody is granted (/proc/sys/fs/pipe-max-size), where what is in flight stands in the
// pipe and writers are to go on meanwhile.
constexpr int kKeptBytes = 1 << 20;

}  // namespace

FifoSource::FifoSource(const FifoOptions& options, const LogSink& log, bool keeps)
    : FifoSource(options, log, keeps, locate(options),
                 std::make_unique<PathWatch>(options, log, 0, true)) {}

FifoSource::FifoSource(FifoOptions options, LogSink log, bool keeps, core::UniqueFd handle,
                       std::unique_ptr<PathWatch> watch)
    : options_(std::move(options)),
      log_(std::move(log)),
      watch_(std::move(watch)),
      handle_(std::move(handle)),
      reader_(open_located(handle_, O_RDONLY)) {
  if (!reader_) {
    throw core::system_error(errno, options_.endpoint, "open " + options_.path + " to read");
  }
  lock_reader(reader_, options_);
  widen(keeps ? kKeptBytes : kUsualBytes);
  if (watch_) watch_->settle(handle_);
  hold(IfUsedUp::fail);
  if (keeps) keep();
}

// Where the system refuses what nobody asked for, it stays as it is.
void FifoSource::widen(int usual) {
  if (options_.capacity != 0) return set_capacity(reader_, options_, log_);
  if (fcntl(reader_.get(), F_GETPIPE_SZ) < usual) fcntl(reader_.get(), F_SETPIPE_SZ, usual);
}

void FifoSource::keep() {
  peek_ = PipePeek::open(reader_.get());
  // What is used up now may be there later; to do with less than was asked for would be for good.
  if (!peek_ && core::is_used_up(errno)) {
    throw core::system_error(errno, options_.endpoint, "look into the pipe " + options_.path);
  }
  if (peek_ || !log_) return;
  log_(LogLevel::warning,
       options_.endpoint +
           ": what is read and not handed on is lost in a crash: cannot look into "
           "the pipe without taking (tee): " +
           std::generic_category().message(errno));
}

std::unique_ptr<core::ByteSource> FifoSource::successor() {
  if (!watch_) return nullptr;
  core::UniqueFd other = watch_->another();
  if (!other) return nullptr;
  try {
    auto next = std::make_unique<FifoSource>(options_, log_, keeps(), std::move(other), nullptr);
    if (next->keeps() != keeps()) return nullptr;
    next->watch_ = std::move(watch_);
    next->watch_->settle(next->handle_);
    replaced_ = true;
    writer_.reset();
    core::say(log_, LogLevel::info,
              {options_.endpoint,
               ": the path leads to another FIFO, which is read from "
               "now on; the former one until its writers have left"});
    return next;
  } catch (const Error& error) {
    // Somebody else reads it, it is gone again, or a descriptor is missing.
    watch_->retry(error.what());
  } catch (const std::bad_alloc&) {
    watch_->retry("out of memory");
  }
  return nullptr;
}

void FifoSource::hold(IfUsedUp if_used_up) {
  if (options_.end_with_writers || writer_ || replaced_) return;
  writer_ = open_located(handle_, O_WRONLY);
  const bool goes_on = if_used_up == IfUsedUp::go_on && core::is_used_up(errno);
  if (!writer_ && !goes_on) {
    throw core::system_error(
        errno, options_.endpoint,
        "open " + options_.path + " to write, which keeps it open between writers");
  }
}

void FifoSource::watch_writers(bool half_done) {
  if (watch_) watch_->arm();
  if (half_done) {
    writer_.reset();
  } else {
    hold(IfUsedUp::go_on);
  }
}

// A pipe from which nothing is taken stays readable.
void FifoSource::attach(core::Readiness& readiness) {
  watch_->attach(readiness);
  readiness.watch(reader_.get(), keeps() ? EPOLLIN | EPOLLET : EPOLLIN);
}

std::uint64_t FifoSource::backlog() const {
  return peek_ ? peek_->backlog() : bytes_in_pipe(reader_.get());
}

bool FifoSource::take_until(std::uint64_t place) {
  if (!keeps()) return false;
  const bool taken = peek_->take_until(place);
  if (peek_->stolen() > 0) tell_of_thief();
  return taken;
}

core::IoResult FifoSource::read_some(std::span<std::byte> into) {
  if (!peek_) return core::read_some(reader_.get(), into);
  const core::IoResult result = peek_->read(into);
  if (peek_->stolen() > 0) tell_of_thief();
  return result;
}

void FifoSource::tell_of_thief() {
  if (!log_ || std::exchange(told_of_thief_, true)) return;
  log_(LogLevel::warning, options_.endpoint +
                              ": somebody else reads from this FIFO: bytes that were "
                              "not committed are gone from it");
}

core::IoResult FifoSource::read(std::span<std::byte> into) {
  const core::IoResult result = read_some(into);
  const core::IoStatus nothing = keeps() ? core::IoStatus::would_block : core::IoStatus::end;
  if (result.status != nothing || (keeps() && writer_)) return result;
  return look_for_writers(into);
}

// Nothing is there, and we do not hold the pipe. End of file also means that no writer has come
// yet. The kernel tells the two apart: a hang-up is shown only after a writer was there.
core::IoResult FifoSource::look_for_writers(std::span<std::byte> into) {
  pollfd state{.fd = reader_.get(), .events = POLLIN, .revents = 0};
  ::poll(&state, 1, 0);
  const bool left = (state.revents & POLLHUP) != 0;
  // What the last one wrote before it left.
  const core::IoResult last = read_some(into);
  if (last.status != core::IoStatus::would_block && last.status != core::IoStatus::end) return last;
  if (!left) return {core::IoStatus::would_block};
  if (options_.end_with_writers) return {core::IoStatus::end};
  hold(IfUsedUp::go_on);
  if (!writer_ && !replaced_) core::rest();
  return {core::IoStatus::no_peer};
}

}  // namespace fifomq::fifo
