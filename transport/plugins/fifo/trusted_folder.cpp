#include "trusted_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <deque>

#include <fifomq/error.hpp>

#include "core/posix.hpp"

namespace fifomq::fifo {
namespace {

// As many as the kernel follows (path_resolution(7)).
constexpr int kMostLinks = 40;

bool is_trusted(uid_t owner) { return owner == 0 || owner == geteuid(); }

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777);
  return text.data();
}

[[noreturn]] void refuse(const FifoOptions& options, const std::string& what) {
  throw Error(Errc::permission_denied, options.endpoint,
              what + "; trust=any takes it all the same");
}

// Puts the names of a path in front of those that are still to be walked.
void prepend(std::string_view path, std::deque<std::string>& names) {
  std::deque<std::string> added;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) added.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  names.insert(names.begin(), added.begin(), added.end());
}

class Walk {
 public:
  explicit Walk(const FifoOptions& options) : options_(options) {}

  core::UniqueFd to(const std::string& folder) {
    start_over(folder);
    prepend(folder, names_);
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      step(name);
    }
    check_folder();
    return std::move(here_);
  }

 private:
  void start_over(std::string_view path) {
    walked_ = path.starts_with('/') ? "/" : ".";
    here_ = open(AT_FDCWD, walked_.c_str());
  }

  core::UniqueFd open(int at, const char* name) const {
    core::UniqueFd handle(::openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!handle) {
      throw core::system_error(errno, options_.endpoint, "open the folder " + walked_);
    }
    return handle;
  }

  void step(const std::string& name) {
    check_folder();
    walked_ += (walked_.ends_with('/') ? "" : "/") + name;
    core::UniqueFd next = open(here_.get(), name.c_str());
    struct stat status {};
    if (fstat(next.get(), &status) != 0) {
      throw core::system_error(errno, options_.endpoint, "look at " + walked_);
    }
    if (S_ISLNK(status.st_mode)) return follow(next, status.st_uid);
    here_ = std::move(next);
  }

  // In a folder that anybody may write to, the sticky bit keeps what is not his from being renamed.
  void check_folder() const {
    struct stat status {};
    if (fstat(here_.get(), &status) != 0) {
      throw core::system_error(errno, options_.endpoint, "look at " + walked_);
    }
    if ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0) {
      refuse(options_, "in " + walked_ + " anybody may rename what is not his (mode " +
                           octal(status.st_mode) + ")");
    }
  }

  void follow(const core::UniqueFd& link, uid_t owner) {
    if (!is_trusted(owner)) {
      refuse(options_, walked_ + " is a symbolic link of uid " + std::to_string(owner) +
                           ", who could lead the way elsewhere");
    }
    std::array<char, PATH_MAX> target{};
    const ssize_t size = readlinkat(link.get(), "", target.data(), target.size());
    if (size < 0) throw core::system_error(errno, options_.endpoint, "follow " + walked_);
    if (++links_ > kMostLinks) {
      throw Error(Errc::not_found, options_.endpoint,
                  walked_ + " leads through more than 40 symbolic links");
    }
    const std::string_view path(target.data(), static_cast<std::size_t>(size));
    if (path.starts_with('/')) {
      start_over(path);
    } else {
      walked_.erase(walked_.rfind('/') + 1);
    }
    prepend(path, names_);
  }

  const FifoOptions& options_;
  core::UniqueFd here_;
  std::string walked_;
  std::deque<std::string> names_;
  int links_ = 0;
};

}  // namespace

Folder find_folder(const FifoOptions& options) {
  const std::size_t slash = options.path.rfind('/');
  const std::string path = slash == std::string::npos ? "." : options.path.substr(0, slash + 1);
  Folder folder;
  folder.name = options.path.substr(slash + 1);
  if (options.trusts_any) {
    folder.handle = core::UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder.handle) {
      throw core::system_error(errno, options.endpoint, "open the folder " + path);
    }
    return folder;
  }
  folder.handle = Walk(options).to(path);
  struct stat status {};
  if (fstat(folder.handle.get(), &status) != 0) {
    throw core::system_error(errno, options.endpoint, "look at " + path);
  }
  folder.shared = (status.st_mode & (S_IWOTH | S_ISVTX)) != 0;
  return folder;
}

void check_owner(const struct stat& fifo, const Folder& folder, const FifoOptions& options) {
  if (options.trusts_any || !folder.shared) return;
  if (!is_trusted(fifo.st_uid)) {
    refuse(options, options.path + " is owned by uid " + std::to_string(fifo.st_uid) +
                        " and stands in a folder where others may make files");
  }
  constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
  const mode_t wider = fifo.st_mode & kOthersWrite & ~options.create.value_or(0);
  if (wider != 0) {
    refuse(options, options.path + " has mode " + octal(fifo.st_mode) +
                        ": more people may write to it than create=" +
                        (options.create ? octal(*options.create) : "no") +
                        " says, in a folder where others may make files");
  }
}

}  // namespace fifomq::fifo
