#include "passed_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <fifomq/error.hpp>

#include "core/posix.hpp"
#include "core/suggest.hpp"

namespace fifomq::fifo {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START

std::optional<int> number_in(std::string_view text) {
  int number = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number < 0) return std::nullopt;
  return number;
}

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// How many were passed to this very process, and not to one that it was started by.
int passed_count() {
  if (number_in(variable("LISTEN_PID")) != getpid()) return 0;
  return number_in(variable("LISTEN_FDS")).value_or(0);
}

std::vector<std::string> passed_names() {
  std::vector<std::string> names;
  std::string all = variable("LISTEN_FDNAMES") + ":";
  for (std::size_t colon = all.find(':'); colon != std::string::npos; colon = all.find(':')) {
    names.push_back(all.substr(0, colon));
    all.erase(0, colon + 1);
  }
  names.resize(static_cast<std::size_t>(passed_count()));
  return names;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::optional<int> passed_as(const struct stat& file) {
  struct stat status {};
  for (int fd = kFirst; fd < kFirst + passed_count(); ++fd) {
    if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && same_file(status, file)) return fd;
  }
  return std::nullopt;
}

int find(const FifoOptions& options) {
  const std::string& wanted = options.passed;
  if (const auto number = number_in(wanted)) return *number;
  if (wanted.starts_with('/')) {
    struct stat status {};
    const bool there = stat(wanted.c_str(), &status) == 0;
    if (const auto fd = there ? passed_as(status) : std::nullopt) return *fd;
  }
  const std::vector<std::string> names = passed_names();
  for (std::size_t at = 0; at < names.size(); ++at) {
    if (names[at] == wanted) return kFirst + static_cast<int>(at);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  throw Error(Errc::not_found, options.endpoint,
              "no descriptor '" + wanted + "' was passed to this process (LISTEN_FDS)" +
                  core::suggestion(wanted, known));
}

void close_on_exec(int fd) { fcntl(fd, F_SETFD, FD_CLOEXEC); }

}  // namespace

core::UniqueFd locate_passed(const FifoOptions& options) {
  const int passed = find(options);
  struct stat status {};
  if (fstat(passed, &status) != 0) {
    throw Error(Errc::not_found, options.endpoint,
                "descriptor " + std::to_string(passed) + " (fd=) is not open");
  }
  if (!S_ISFIFO(status.st_mode)) {
    throw Error(Errc::wrong_type, options.endpoint,
                "descriptor " + std::to_string(passed) + " (fd=) is not a FIFO");
  }
  close_on_exec(passed);
  core::UniqueFd handle(
      ::open(("/proc/self/fd/" + std::to_string(passed)).c_str(), O_PATH | O_CLOEXEC));
  if (!handle) {
    throw core::system_error(errno, options.endpoint, "reopen descriptor " + options.passed);
  }
  return handle;
}

void keep_from_children(const struct stat& fifo) {
  if (const auto fd = passed_as(fifo)) close_on_exec(*fd);
}

}  // namespace fifomq::fifo
