// Whether to ask again for a while before going to sleep. Falling asleep and being woken takes tens
// of microseconds; between two ends that both work at full speed, what is waited for comes sooner.
// How the last waits went tells: the idea of Linux's halt polling (Documentation/virt/kvm/
// halt-polling.rst), with two states.
#pragma once

#include <chrono>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fifomq::core {

class ShortWait {
 public:
  using Clock = std::chrono::steady_clock;

  // Asks until it holds, for at most kLongest, if the last waits were short. Between two times it
  // leaves the processor to whoever else wants it, which may be the other end, and the other end
  // alone for `between`: each time that it asks, it gets into that one's way.
  template <typename Holds>
  bool spin(Clock::duration between, const Holds& holds) {
    if (!worth_it_) return false;
    const auto end = Clock::now() + kLongest;
    do {
      std::this_thread::yield();
      pause(between);
      if (holds()) return true;
    } while (Clock::now() < end);
    worth_it_ = false;
    return false;
  }

  // Sleeps, and learns from how long it took.
  template <typename Sleep>
  auto learn(const Sleep& sleep) {
    const auto start = Clock::now();
    const auto result = sleep();
    worth_it_ = Clock::now() - start < kShort;
    return result;
  }

  // Lets that much time go by, awake.
  static void pause(Clock::duration time) {
    const auto end = Clock::now() + time;
    do {
      for (int i = 0; i < kPauses; ++i) relax();
    } while (Clock::now() < end);
  }

 private:
  static constexpr auto kLongest = std::chrono::microseconds(50);
  // With the time that waking takes.
  static constexpr auto kShort = std::chrono::microseconds(100);
  static constexpr int kPauses = 4;

  static void relax() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  bool worth_it_ = false;
};

}  // namespace fifomq::core
