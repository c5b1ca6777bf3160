// Processor time, user and system together.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <ctime>

#include "failure.hpp"

namespace compare {

inline std::chrono::nanoseconds duration_of(const timeval& value) {
  return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
}

// RUSAGE_SELF: all threads of the process, the library's own included; RUSAGE_THREAD: the caller.
inline std::chrono::nanoseconds cpu_time(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  return duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
}

inline std::chrono::nanoseconds cpu_time_of_process(pid_t pid) {
  clockid_t clock{};
  timespec now{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &now) != 0) {
    throw Failure("cannot read the processor time of process " + std::to_string(pid));
  }
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace compare
