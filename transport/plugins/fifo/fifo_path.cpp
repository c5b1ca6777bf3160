#include "fifo_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fifomq/error.hpp>

#include "core/file_lock.hpp"
#include "core/posix.hpp"
#include "passed_fd.hpp"
#include "trusted_folder.hpp"

namespace fifomq::fifo {
namespace {

const char* type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "regular file";
    case S_IFDIR:
      return "directory";
    case S_IFSOCK:
      return "socket";
    case S_IFLNK:
      return "symbolic link";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    default:
      return "unknown type";
  }
}

std::string proc_path(const core::UniqueFd& handle) {
  return "/proc/self/fd/" + std::to_string(handle.get());
}

core::UniqueFd open_handle(const Folder& folder, const FifoOptions& options) {
  core::UniqueFd handle(
      ::openat(folder.handle.get(), folder.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!handle) {
    if (errno == ENOENT) return handle;
    throw core::system_error(errno, options.endpoint, "open " + options.path);
  }
  struct stat status {};
  if (fstat(handle.get(), &status) != 0) {
    throw core::system_error(errno, options.endpoint, "look at " + options.path);
  }
  if (!S_ISFIFO(status.st_mode)) {
    throw Error(Errc::wrong_type, options.endpoint,
                options.path + " is not a FIFO (" + type_name(status.st_mode) + ")");
  }
  check_owner(status, folder, options);
  keep_from_children(status);
  return handle;
}

[[noreturn]] void refuse_missing(const FifoOptions& options) {
  throw Error(Errc::not_found, options.endpoint,
              options.path + " does not exist; mkfifo makes it, and without create=no so do we");
}

// The umask has no say in the mode that was asked for.
void make(const Folder& folder, const FifoOptions& options) {
  if (mkfifoat(folder.handle.get(), folder.name.c_str(), *options.create) != 0) {
    if (errno == EEXIST) return;
    throw core::system_error(errno, options.endpoint, "make the FIFO " + options.path);
  }
  const core::UniqueFd handle = open_handle(folder, options);
  struct stat status {};
  if (!handle || fstat(handle.get(), &status) != 0 || status.st_uid != geteuid()) return;
  if (chmod(proc_path(handle).c_str(), *options.create) != 0) {
    throw core::system_error(errno, options.endpoint, "set the mode of " + options.path);
  }
}

}  // namespace

core::UniqueFd locate(const FifoOptions& options) {
  if (!options.passed.empty()) return locate_passed(options);
  const Folder folder = find_folder(options);
  core::UniqueFd handle = open_handle(folder, options);
  if (handle) return handle;
  if (!options.create) refuse_missing(options);
  make(folder, options);
  handle = open_handle(folder, options);
  if (!handle) refuse_missing(options);
  return handle;
}

core::UniqueFd locate_existing(const FifoOptions& options) {
  if (!options.passed.empty()) return locate_passed(options);
  return open_handle(find_folder(options), options);
}

void check_path(const FifoOptions& options) {
  if (!options.passed.empty()) {
    locate_passed(options);
    return;
  }
  const Folder folder = find_folder(options);
  if (open_handle(folder, options)) return;
  if (!options.create) refuse_missing(options);
  if (faccessat(folder.handle.get(), ".", W_OK | X_OK, 0) != 0) {
    throw core::system_error(errno, options.endpoint, "make the FIFO " + options.path);
  }
}

core::UniqueFd open_located(const core::UniqueFd& handle, int flags) {
  return core::UniqueFd(::open(proc_path(handle).c_str(), flags | O_NONBLOCK | O_CLOEXEC));
}

void lock_reader(const core::UniqueFd& reader, const FifoOptions& options) {
  core::lock_file(reader, options.endpoint, options.path, "a FIFO has one reader");
}

void set_capacity(const core::UniqueFd& end, const FifoOptions& options, const LogSink& log) {
  if (options.capacity == 0) return;
  constexpr std::uint64_t kMost = 1U << 30;
  const auto asked = static_cast<int>(std::min(options.capacity, kMost));
  if (fcntl(end.get(), F_SETPIPE_SZ, asked) >= 0) return;
  const int real = fcntl(end.get(), F_GETPIPE_SZ);
  if (log) {
    log(LogLevel::warning, options.endpoint + ": the pipe's capacity stays " +
                               std::to_string(real) + " bytes; the system refuses " +
                               std::to_string(asked) + " (see /proc/sys/fs/pipe-max-size)");
  }
}

}  // namespace fifomq::fifo
