// Threads of the library's own.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace fifomq::core {

// What starts threads meanwhile, starts them with the mask: no signal of the program is handled in
// them.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  SignalsBlocked(SignalsBlocked&&) = delete;
  SignalsBlocked& operator=(SignalsBlocked&&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t before_{};
};

// A thread of that name (at most 15 characters) in which no signal of the program is ever handled.
// Joined by whoever holds it. Throws Error where the system grants none.
std::jthread start_thread(const std::string& endpoint, const char* name,
                          std::function<void(const std::stop_token&)> body);

}  // namespace fifomq::core
