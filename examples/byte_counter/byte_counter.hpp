// What the two programs have in common: how they use a path, how they print, and how they end.
#pragma once

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace byte_counter {

inline constexpr int kFailedRun = 1;
inline constexpr int kCannotStart = 2;

// Ends the program with this sentence on standard error and this status.
class Problem : public std::runtime_error {
 public:
  Problem(int exit_status, const std::string& sentence)
      : std::runtime_error(sentence), exit_status_(exit_status) {}
  [[nodiscard]] int exit_status() const { return exit_status_; }

 private:
  int exit_status_;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { ::close(number_); }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

// One end of the FIFO: how it is opened, and what its sentences say.
struct End {
  int flags;
  std::string_view verb;
  std::string_view advice;
};

inline constexpr End kReadingEnd{
    O_RDONLY, "read from",
    "give the path of a FIFO that you may read, or a free path where you may create one"};
inline constexpr End kWritingEnd{
    O_WRONLY, "write to",
    "give the path of a FIFO that you may write to, as byte_counter_reader and mkfifo create them"};

inline std::string text_of(int error) { return std::generic_category().message(error); }

inline Problem unusable(const std::string& path, const End& end, const std::string& what) {
  return {kCannotStart, "cannot " + std::string(end.verb) + " '" + path + "': " + what + "; " +
                            std::string(end.advice)};
}

inline std::string what_failed(const std::string& path, int error) {
  struct stat unfollowed {};
  const bool stands = ::lstat(path.c_str(), &unfollowed) == 0;
  if (path.empty()) return "the path is empty";
  switch (error) {
    case ENOENT:
      if (stands) return "it is a symbolic link that points to nothing";
      return "neither a FIFO nor anything else is there";
    case ENOTDIR:
      return "a part of the path that should be a directory is none";
    case ELOOP:
      return "its symbolic links lead round in a circle";
    case EACCES:
      if (stands) return "its permissions do not let you";
      return "the permissions of its directory do not let you";
    default:
      return text_of(error);
  }
}

inline std::string_view kind_of(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

template <typename Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// Blocks until the other end is open as well.
inline Descriptor open_fifo(const std::string& path, const End& end) {
  // A look first: opening a device can have effects, and opening a socket fails for a reason that
  // would not tell the user what is wrong.
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) throw unusable(path, end, what_failed(path, errno));
  if (!S_ISFIFO(found.st_mode)) {
    throw unusable(path, end, "it is " + std::string(kind_of(found.st_mode)) + ", not a FIFO");
  }
  const int number = uninterrupted([&] { return ::open(path.c_str(), end.flags | O_CLOEXEC); });
  if (number < 0) throw unusable(path, end, what_failed(path, errno));
  return Descriptor(number);
}

// False leaves the reason in errno.
inline bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written =
        uninterrupted([&] { return ::write(descriptor, bytes.data(), bytes.size()); });
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Unbuffered, so that a line is seen at once also behind a pipe.
inline void print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return;
  throw Problem(kFailedRun, "cannot print to standard output: " + text_of(errno));
}

// For every answer of getopt_long that is not an option with a meaning of its own.
[[noreturn]] inline void help_or_refuse(int answer, std::string_view usage) {
  if (answer != 'h') std::exit(kCannotStart);  // getopt_long itself has said what is wrong
  print(usage);
  std::exit(EXIT_SUCCESS);
}

// To be called when getopt_long is through with the options.
inline std::string path_argument(int argc, char** argv) {
  if (optind == argc) return "./fifo";
  if (optind + 1 == argc) return argv[optind];
  throw Problem(kCannotStart, "one path is enough, and '" + std::string(argv[optind + 1]) +
                                  "' is one too many; see --help");
}

// Whoever starts a program with a standard stream closed must not find the FIFO under its number:
// text meant for the terminal would become bytes in the pipe.
inline void fill_standard_streams() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (::fcntl(number, F_GETFD) < 0) ::open("/dev/null", O_RDWR);  // takes the lowest free number
  }
}

template <typename Body>
int run(std::string_view program, Body body) {
  try {
    fill_standard_streams();
    body();
    return EXIT_SUCCESS;
  } catch (const Problem& problem) {
    std::cerr << program << ": " << problem.what() << '\n';
    return problem.exit_status();
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return kFailedRun;
  }
}

}  // namespace byte_counter
