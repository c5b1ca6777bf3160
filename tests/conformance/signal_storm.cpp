#include "conformance/signal_storm.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace fifomq::conformance {
namespace {

constexpr int kSignal = SIGUSR2;
constexpr long kNanosecondsBetween = 1'000'000;

std::atomic<std::uint64_t> hit_count{0};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it is used in a signal handler");

void count_hit(int /*signal*/) { hit_count.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

SignalStorm::SignalStorm() {
  struct sigaction action {};
  action.sa_handler = &count_hit;  // without SA_RESTART
  sigaction(kSignal, &action, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = kSignal;
  event._sigev_un._tid = gettid();  // glibc 2.36 has no public name for it
  if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
    throw std::system_error(errno, std::generic_category(), "timer_create");
  }
  const itimerspec interval{.it_interval = {.tv_sec = 0, .tv_nsec = kNanosecondsBetween},
                            .it_value = {.tv_sec = 0, .tv_nsec = kNanosecondsBetween}};
  timer_settime(timer_, 0, &interval, nullptr);
}

// The handler stays: a last signal may still be on its way.
SignalStorm::~SignalStorm() { timer_delete(timer_); }

std::uint64_t SignalStorm::hits() { return hit_count.load(std::memory_order_relaxed); }

}  // namespace fifomq::conformance
