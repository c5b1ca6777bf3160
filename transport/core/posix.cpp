#include "core/posix.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "core/unique_fd.hpp"

namespace fifomq::core {
namespace {

// Linux 6.18, include/uapi/linux/fs.h; Debian 12's headers do not have it yet.
constexpr int kRwfNoSignal = 0x00000100;

// Keeps SIGPIPE from this thread while it writes, and eats the one it caused: for kernels without
// RWF_NOSIGNAL, and for calls that take no flags.
class SigpipeGuard {
 public:
  SigpipeGuard() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    // A signal that was not blocked would have been delivered; one that was may be pending, and
    // then another one changes nothing.
    was_blocked_ = sigismember(&before_, SIGPIPE) == 1;
    if (!was_blocked_) return;
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  }
  ~SigpipeGuard() {
    const int saved = errno;
    if (raised_ && !was_pending_) {
      const timespec none{};
      while (sigtimedwait(&pipe_, nullptr, &none) < 0 && errno == EINTR) {
      }
    }
    if (!was_blocked_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  SigpipeGuard(SigpipeGuard&&) = delete;
  SigpipeGuard& operator=(SigpipeGuard&&) = delete;

  void raised() noexcept { raised_ = true; }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_blocked_ = false;
  bool was_pending_ = false;
  bool raised_ = false;
};

ssize_t write_guarded(int fd, ByteView from) noexcept {
  SigpipeGuard guard;
  const ssize_t written = ::write(fd, from.data(), from.size());
  if (written < 0 && errno == EPIPE) guard.raised();
  return written;
}

ssize_t write_without_signal(int fd, ByteView from) noexcept {
  static std::atomic<bool> kernel_has_flag{true};
  if (kernel_has_flag.load(std::memory_order_relaxed)) {
    iovec part{const_cast<std::byte*>(from.data()), from.size()};
    const ssize_t written = pwritev2(fd, &part, 1, -1, kRwfNoSignal);
    if (written >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)) return written;
    // An older kernel, or a file that takes no flags: the guarded way is right for all of them.
    kernel_has_flag.store(false, std::memory_order_relaxed);
  }
  return write_guarded(fd, from);
}

Errc code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::permission_denied;
    case EADDRINUSE:
    case EBUSY:
      return Errc::in_use;
    case ENOSYS:
    case EOPNOTSUPP:
      return Errc::unsupported;
    default:
      return Errc::system_failure;
  }
}

}  // namespace

Error system_error(int error, const std::string& endpoint, const std::string& action) {
  return {code_of(error), endpoint,
          "cannot " + action + ": " + std::generic_category().message(error)};
}

bool is_used_up(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM;
}

void rest() noexcept {
  constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 1'000'000};
  nanosleep(&kMoment, nullptr);
}

std::string read_text(const char* path) {
  std::string text;
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> part{};
  while (file) {
    const IoResult result = read_some(file.get(), std::as_writable_bytes(std::span(part)));
    if (result.status != IoStatus::done) break;
    text.append(part.data(), result.count);
  }
  return text;
}

IoResult io_failure(int error) noexcept {
  if (error == EAGAIN || error == EWOULDBLOCK) return {IoStatus::would_block};
  if (error == EPIPE) return {IoStatus::no_peer};
  if (error == ENOMEM) {
    // The descriptor says that it is ready, so whoever waits for it comes again at once.
    rest();
    return {IoStatus::would_block};
  }
  return {.status = IoStatus::failed, .error = error};
}

IoResult read_some(int fd, std::span<std::byte> into) noexcept {
  ssize_t count = -1;
  do {
    count = ::read(fd, into.data(), into.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return io_failure(errno);
  if (count == 0) return {IoStatus::end};
  return {IoStatus::done, static_cast<std::size_t>(count)};
}

IoResult write_some(int fd, ByteView from) noexcept {
  ssize_t count = -1;
  do {
    count = write_without_signal(fd, from);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return io_failure(errno);
  return {IoStatus::done, static_cast<std::size_t>(count)};
}

IoResult splice_some(int fd, std::span<const iovec> pages) noexcept {
  SigpipeGuard guard;
  ssize_t count = -1;
  do {
    count = vmsplice(fd, pages.data(), pages.size(), SPLICE_F_NONBLOCK);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) return {IoStatus::done, static_cast<std::size_t>(count)};
  if (errno == EPIPE) guard.raised();
  return io_failure(errno);
}

}  // namespace fifomq::core
