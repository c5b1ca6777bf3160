#include "dead_letter_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fifomq/error.hpp>

#include "config_error.hpp"

namespace fifomq {
namespace {

constexpr mode_t kMode = 0600;
// A large message is not copied whole.
constexpr std::size_t kMostAtOnce = 256 * std::size_t{1024};

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

[[noreturn]] void refuse(const std::string& place, const std::string& what) {
  throw ConfigError(place + ": " + what);
}

[[noreturn]] void refuse(const std::string& place, const std::string& action, int error) {
  refuse(place, "cannot " + action + ": " + std::generic_category().message(error));
}

void check_kind(const std::string& place, const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) refuse(place, path + " is not a regular file");
}

// Whatever the umask; and a new name is on the disk when its folder is.
void settle_new(const std::string& place, const std::string& path, const core::UniqueFd& file) {
  if (fchmod(file.get(), kMode) != 0) refuse(place, "set the mode of " + path, errno);
  const core::UniqueFd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Not every folder that can be written to can be read, and not every file system syncs one.
  if (folder && fsync(folder.get()) != 0 && errno != EINVAL) {
    refuse(place, "write the folder of " + path + " to the disk", errno);
  }
}

core::UniqueFd open_letters(const std::string& place, const std::string& path) {
  // A pipe that stands there must not make us wait for its reader.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC;
  core::UniqueFd file(::open(path.c_str(), kFlags | O_CREAT | O_EXCL, kMode));
  if (file) {
    settle_new(place, path, file);
    return file;
  }
  if (errno == EEXIST) file = core::UniqueFd(::open(path.c_str(), kFlags));
  if (!file) refuse(place, "open " + path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) refuse(place, "look at " + path, errno);
  check_kind(place, path, status);
  return file;
}

}  // namespace

DeadLetterFile::DeadLetterFile(const std::string& place, const std::string& path)
    : path_(path), file_(open_letters(place, path)) {}

void DeadLetterFile::check(const std::string& place, const std::string& path) {
  struct stat status {};
  const bool is_there = stat(path.c_str(), &status) == 0;
  if (!is_there && errno != ENOENT) refuse(place, "open " + path, errno);
  if (is_there) check_kind(place, path, status);
  const std::string written = is_there ? path : folder_of(path);
  if (faccessat(AT_FDCWD, written.c_str(), is_there ? W_OK : W_OK | X_OK, AT_EACCESS) != 0) {
    refuse(place, "open " + path, errno);
  }
}

void DeadLetterFile::put(const MessageView& message) {
  // A topic from elsewhere may be none that a frame can carry. The payload always is.
  if (!encoder_.begin(message)) {
    encoder_.begin({.payload = message.payload,
                    .origin = message.origin,
                    .sent_unix_nanos = message.sent_unix_nanos,
                    .hops = message.hops});
  }
  write_pieces();
}

void DeadLetterFile::write_pieces() {
  pieces_.clear();
  while (encoder_.more()) {
    pieces_.append(encoder_.next_piece());
    if (pieces_.size() < kMostAtOnce && encoder_.more()) continue;
    write_all(pieces_.view());
    pieces_.clear();
  }
}

void DeadLetterFile::write_all(ByteView bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      throw Error(Errc::system_failure, path_,
                  "cannot write dead letters, so the bridge stops: " +
                      std::generic_category().message(written < 0 ? errno : ENOSPC));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void DeadLetterFile::sync() {
  if (fdatasync(file_.get()) == 0) return;
  throw Error(Errc::system_failure, path_,
              "cannot write dead letters to the disk, so the bridge stops: " +
                  std::generic_category().message(errno));
}

}  // namespace fifomq
