// How the program says that it cannot go on.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace compare {

inline constexpr int kFailedRun = 1;
inline constexpr int kUsage = 2;

// A run that failed; the sentence is for the user.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What the user asked for cannot be had.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A signal asked the program to end.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal) : signal_(signal) {}
  const char* what() const noexcept override { return "interrupted"; }
  int signal() const { return signal_; }

 private:
  int signal_;
};

inline Failure system_failure(const std::string& what, int error = errno) {
  return Failure{"cannot " + what + ": " + std::generic_category().message(error)};
}

}  // namespace compare
