#include "peers/hooks.hpp"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <limits>

namespace faults {
namespace {

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

WriterSlot* counted = nullptr;
std::uint64_t pieces_left = kNoEnd;
std::size_t read_most = 0;

void die() { syscall(SYS_kill, getpid(), SIGKILL); }

void took(long bytes, std::uint64_t pieces) {
  if (bytes <= 0) return;
  if (counted != nullptr) counted->bytes += static_cast<std::uint64_t>(bytes);
  if (pieces_left != kNoEnd) pieces_left -= std::min(pieces, pieces_left);
  if (pieces_left == 0) die();
}

bool is_pipe(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

void count_bytes_in(WriterSlot& slot) { counted = &slot; }
void die_after_pieces(std::uint64_t pieces) {
  pieces_left = pieces;
  if (pieces == 0) die();
}
void limit_reads(std::size_t most) { read_most = most; }

}  // namespace faults

extern "C" {

ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  constexpr int kLowHalf = 32;
  const long written = syscall(SYS_pwritev2, fd, parts, count, offset,
                               static_cast<long>(offset) >> (kLowHalf - 1) >> 1, flags);
  faults::took(written, 1);
  return written;
}

ssize_t vmsplice(int fd, const iovec* pages, size_t count, unsigned flags) {
  const std::size_t most = std::min<std::uint64_t>(count, faults::pieces_left);
  const long taken = syscall(SYS_vmsplice, fd, pages, most, flags);
  std::uint64_t pieces = 0;
  for (long left = taken; left > 0 && pieces < most; ++pieces) {
    left -= static_cast<long>(pages[pieces].iov_len);
  }
  faults::took(taken, pieces);
  return taken;
}

ssize_t read(int fd, void* into, size_t size) {
  const bool limited = faults::read_most != 0 && faults::is_pipe(fd);
  return syscall(SYS_read, fd, into, limited ? std::min(size, faults::read_most) : size);
}

}  // extern "C"
