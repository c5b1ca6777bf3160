// A call that blocks, in a thread of its own.
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <fifomq/deadline.hpp>

namespace fifomq::test {

// Ends when the call has returned.
class Blocked {
 public:
  explicit Blocked(std::function<void()> call)
      : thread_([this, call = std::move(call)] {
          id_ = gettid();
          try {
            call();
          } catch (const std::exception& error) {
            ADD_FAILURE() << "an exception in a thread: " << error.what();
          }
          done_ = true;
        }) {}
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;
  Blocked(Blocked&&) = delete;
  Blocked& operator=(Blocked&&) = delete;
  ~Blocked() = default;

  // The state in /proc says so; no event does.
  bool falls_asleep() const {
    const Deadline deadline = Deadline::after(std::chrono::seconds(60));
    while (!deadline.expired() && !done_) {
      if (id_ != 0 && sleeps()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  // To the blocked thread alone.
  bool send_signal(int signal) { return pthread_kill(thread_.native_handle(), signal) == 0; }

 private:
  bool sleeps() const {
    std::ifstream file("/proc/self/task/" + std::to_string(id_) + "/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(')');
    return name_end != std::string::npos && line.substr(name_end + 2, 1) == "S";
  }

  std::atomic<pid_t> id_ = 0;
  std::atomic<bool> done_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace fifomq::test
