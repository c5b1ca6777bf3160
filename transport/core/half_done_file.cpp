#include "core/half_done_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/posix.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::core {
namespace {

bool write_all(int file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

ByteBuffer HalfDoneFile::load() {
  ByteBuffer bytes;
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return bytes;
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) throw system_error(errno, "", "read " + path_);
  is_there_ = true;
  bytes.reserve(static_cast<std::size_t>(status.st_size));
  while (true) {
    const IoResult result = read_some(file.get(), bytes.spare(1));
    if (result.status == IoStatus::end) return bytes;
    if (result.status != IoStatus::done) throw system_error(result.error, "", "read " + path_);
    bytes.add_size(result.count);
  }
}

bool HalfDoneFile::keep(ByteView bytes) {
  const std::string fresh = path_ + ".new";
  const UniqueFd file(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file && write_all(file.get(), bytes) && std::rename(fresh.c_str(), path_.c_str()) == 0) {
    is_there_ = true;
    return true;
  }
  unlink(fresh.c_str());
  return false;
}

void HalfDoneFile::clear() noexcept {
  if (std::exchange(is_there_, false)) unlink(path_.c_str());
}

}  // namespace fifomq::core
