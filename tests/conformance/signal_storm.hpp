#pragma once

#include <csignal>
#include <cstdint>
#include <ctime>

namespace fifomq::conformance {

// While it lives, the thread that made it is hit by a signal a thousand times a second, and no
// system call of it is restarted.
class SignalStorm {
 public:
  SignalStorm();
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;
  SignalStorm(SignalStorm&&) = delete;
  SignalStorm& operator=(SignalStorm&&) = delete;
  ~SignalStorm();

  // How many signals have hit any thread so far.
  static std::uint64_t hits();

 private:
  timer_t timer_{};
};

}  // namespace fifomq::conformance
