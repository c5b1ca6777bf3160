// The processes of one run: started by a parent that has no threads, kept in step, and gone when
// the run is over, however it ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "descriptor.hpp"
#include "stop_signals.hpp"

namespace compare {

// What the body of a process has of its parent.
class Meeting {
 public:
  explicit Meeting(int socket) : socket_(socket) {}
  // Waits until every process of the group has come to this point.
  void wait() const;

 private:
  int socket_;
};

using Figures = std::vector<double>;

class ProcessGroup {
 public:
  using Clock = std::chrono::steady_clock;
  using Body = std::function<Figures(const Meeting&)>;

  // `what` names the run in messages. A run that is not over after `limit` has failed.
  ProcessGroup(const StopSignals& signals, std::string what, std::chrono::nanoseconds limit);
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup(ProcessGroup&&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  ProcessGroup& operator=(ProcessGroup&&) = delete;
  ~ProcessGroup();

  void start(const std::string& role, const Body& body);
  // A program of its own, which takes no part in the meetings. What it prints goes to `log`.
  pid_t start_program(const std::string& role, const std::vector<std::string>& command,
                      const std::filesystem::path& log);

  // All these throw Failure when a process fails or time is up, and Interrupted.
  void wait_for_all();  // until every body is in Meeting::wait
  void release();       // lets them go on
  void meet();          // both
  // What the bodies have returned, in the order in which they were started.
  std::vector<Figures> figures();
  // Until the program has ended, with status 0.
  void wait_for_program();

 private:
  struct Member {
    std::string role;
    pid_t pid = -1;
    Descriptor socket{};  // none for a program
    Descriptor exited{};  // a program's pidfd: readable once it has ended
    std::filesystem::path log{};
    bool waiting = false;
    bool done = false;
    Figures figures{};
  };

  void wait_until(const std::function<bool(const Member&)>& condition);
  void poll_once();
  void take_packet(Member& member);
  [[noreturn]] void fail_for_death(Member& member) const;

  const StopSignals& signals_;
  std::string what_;
  Clock::time_point limit_;
  std::vector<Member> members_;
};

}  // namespace compare
