#include "spool_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include <fifomq/error.hpp>

#include "core/file_lock.hpp"
#include "core/posix.hpp"

namespace fifomq::spool {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr std::string_view kSuffix = ".segment";
constexpr std::size_t kBaseDigits = 16;
constexpr std::size_t kSaltDigits = 8;
constexpr int kHex = 16;

const char* lock_name(SpoolFolder::End end) {
  return end == SpoolFolder::End::sender ? "sender.lock" : "receiver.lock";
}

// std::filesystem's iterator ends the process when there is no memory for it (GCC 12).
struct CloseListing {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};
using Listing = std::unique_ptr<DIR, CloseListing>;

template <typename Number>
bool read_hex(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, kHex);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<Segment> segment_of(std::string_view name) {
  Segment segment;
  const bool is_one = name.size() == kBaseDigits + 1 + kSaltDigits + kSuffix.size() &&
                      name.ends_with(kSuffix) && name[kBaseDigits] == '-' &&
                      read_hex(name.substr(0, kBaseDigits), segment.base) &&
                      read_hex(name.substr(kBaseDigits + 1, kSaltDigits), segment.salt);
  if (!is_one) return std::nullopt;
  return segment;
}

core::UniqueFd open_folder(const std::string& path) {
  return core::UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Whoever may write here could put messages of his own in the way.
void check_owner(const core::UniqueFd& folder, const SpoolOptions& options) {
  struct stat status {};
  if (fstat(folder.get(), &status) != 0) {
    throw core::system_error(errno, options.endpoint, "look at " + options.path);
  }
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    throw Error(Errc::permission_denied, options.endpoint,
                options.path + " is owned by uid " + std::to_string(status.st_uid) +
                    "; a spool is its user's own");
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    throw Error(Errc::permission_denied, options.endpoint,
                options.path +
                    " may be written to by anybody; chmod o-w makes it a place for a "
                    "spool");
  }
}

// Invalid when it is missing.
core::UniqueFd find_folder(const SpoolOptions& options) {
  core::UniqueFd folder = open_folder(options.path);
  if (folder) {
    check_owner(folder, options);
    return folder;
  }
  if (errno == ENOENT) return folder;
  struct stat status {};
  if (errno == ENOTDIR && stat(options.path.c_str(), &status) == 0) {
    throw Error(Errc::wrong_type, options.endpoint, options.path + " is not a folder");
  }
  throw core::system_error(errno, options.endpoint, "open the folder " + options.path);
}

// A new name is on the disk when its folder is.
void sync_parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const core::UniqueFd parent =
      open_folder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
  if (parent) fsync(parent.get());
}

core::UniqueFd find_or_make(const SpoolOptions& options) {
  core::UniqueFd folder = find_folder(options);
  if (folder) return folder;
  if (mkdir(options.path.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    throw core::system_error(errno, options.endpoint, "make the folder " + options.path);
  }
  sync_parent(options.path);
  folder = find_folder(options);
  if (!folder) throw core::system_error(errno, options.endpoint, "open " + options.path);
  return folder;
}

}  // namespace

std::array<char, kNameBytes> Segment::name() const noexcept {
  static_assert(kNameBytes == kBaseDigits + 1 + kSaltDigits + kSuffix.size() + 1);
  std::array<char, kNameBytes> text{};
  snprintf(text.data(), text.size(), "%016lx-%08x.segment", static_cast<unsigned long>(base), salt);
  return text;
}

SpoolFolder::SpoolFolder(const SpoolOptions& options)
    : SpoolFolder(options, find_or_make(options)) {}

SpoolFolder::SpoolFolder(const SpoolOptions& options, core::UniqueFd folder)
    : endpoint_(options.endpoint), path_(options.path), folder_(std::move(folder)) {}

SpoolFolder SpoolFolder::existing(const SpoolOptions& options) {
  core::UniqueFd folder = find_folder(options);
  if (folder) return {options, std::move(folder)};
  throw Error(Errc::not_found, options.endpoint, options.path + " does not exist");
}

core::UniqueFd SpoolFolder::lock(End end) const {
  const char* const name = lock_name(end);
  core::UniqueFd file(openat(fd(), name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!file) throw core::system_error(errno, endpoint_, "open " + path_ + "/" + name);
  core::lock_file(file, endpoint_, path_,
                  end == End::sender ? "a spool has one sender" : "a spool has one receiver");
  return file;
}

pid_t SpoolFolder::owner(End end) const {
  const core::UniqueFd file(openat(fd(), lock_name(end), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  return file ? core::lock_owner(file) : 0;
}

std::vector<Segment> SpoolFolder::segments() const {
  std::vector<Segment> segments;
  const Listing folder(opendir(("/proc/self/fd/" + std::to_string(fd())).c_str()));
  // readdir(3) tells an error from the end by errno alone.
  errno = folder ? 0 : errno;
  while (const dirent* const entry = folder ? readdir(folder.get()) : nullptr) {
    if (const auto segment = segment_of(entry->d_name)) segments.push_back(*segment);
    errno = 0;
  }
  if (errno != 0) fail(errno, "list " + path_);
  std::ranges::sort(segments, {}, &Segment::base);
  return segments;
}

core::UniqueFd SpoolFolder::open(const Segment& segment) const {
  core::UniqueFd file(openat(fd(), segment.name().data(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno != ENOENT) fail(errno, "open " + path_ + "/" + segment.name().data());
  return file;
}

void SpoolFolder::fail(int error, const std::string& action) const {
  if (!core::is_used_up(error)) throw core::system_error(error, endpoint_, action);
  throw UsedUp(error, core::system_error(error, endpoint_, action));
}

void SpoolFolder::remove(const Segment& segment) const noexcept {
  unlinkat(fd(), segment.name().data(), 0);
}

SpoolState::SpoolState(const SpoolFolder& folder, const SpoolOptions& options, Access access)
    : written(folder.fd(), "written", options.endpoint, access),
      committed(folder.fd(), options.endpoint, access) {
  if (access == Access::look) return;
  const bool is_new = !committed.load() && !written.load() && folder.segments().empty();
  if (is_new) committed.save(0);
}

void check_folder(const SpoolOptions& options) {
  if (find_folder(options)) return;
  const std::size_t slash = options.path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : options.path.substr(0, slash + 1);
  if (access(parent.c_str(), W_OK | X_OK) != 0) {
    throw core::system_error(errno, options.endpoint, "make the folder " + options.path);
  }
}

}  // namespace fifomq::spool
