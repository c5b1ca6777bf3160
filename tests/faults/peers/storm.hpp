// Signals at a steady rate, to this whole process.
#pragma once

#include <csignal>
#include <cstdint>
#include <ctime>
#include <system_error>

namespace faults {

// Their handler interrupts whatever call they meet.
inline void start_storm(std::uint64_t per_second) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGUSR1;
  timer_t timer{};
  constexpr long kSecond = 1'000'000'000;
  const timespec interval{.tv_sec = 0, .tv_nsec = kSecond / static_cast<long>(per_second)};
  const itimerspec pace{.it_interval = interval, .it_value = interval};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
      timer_settime(timer, 0, &pace, nullptr) != 0) {
    throw std::system_error(errno, std::generic_category(), "start a storm of signals");
  }
}

}  // namespace faults
