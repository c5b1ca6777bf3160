#include "core/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

#include "core/posix.hpp"

namespace fifomq::core {

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::jthread start_thread(const std::string& endpoint, const char* name,
                          std::function<void(const std::stop_token&)> body) {
  const SignalsBlocked blocked;
  try {
    return std::jthread([name, body = std::move(body)](const std::stop_token& stop) {
      pthread_setname_np(pthread_self(), name);
      body(stop);
    });
  } catch (const std::system_error& error) {
    throw system_error(error.code().value(), endpoint, "start a thread");
  }
}

}  // namespace fifomq::core
