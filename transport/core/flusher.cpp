#include "core/flusher.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <new>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "core/identity.hpp"
#include "core/posix.hpp"
#include "core/thread.hpp"

namespace fifomq::core {

Flusher::Flusher(const std::string& endpoint, Turn turn, Forks forks)
    : turn_(std::move(turn)), forks_(forks), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  fork_generation();  // from here on forks wait for the turn that is running
  if (!wake_) throw system_error(errno, endpoint, "make an event");
  thread_ =
      start_thread(endpoint, "fifomq-flush", [this](const std::stop_token& stop) { run(stop); });
}

Flusher::~Flusher() {
  thread_.request_stop();
  arm();
}

void Flusher::leave_to_parent(std::unique_ptr<Flusher> copy) {
  // Never destroyed, not even at the end of the process.
  static std::mutex mutex;
  static auto& copies = *std::make_unique<std::vector<std::unique_ptr<Flusher>>>().release();
  const std::lock_guard lock(mutex);
  Flusher* const left = copy.release();
  try {
    copies.emplace_back(left);
  } catch (const std::bad_alloc&) {
    // Nobody finds it again; but it is not destroyed.
  }
}

void Flusher::arm() noexcept { eventfd_write(wake_.get(), 1); }

void Flusher::run(const std::stop_token& stop) {
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // ns; by default a pause is 50 us too long
  Next next;
  while (!stop.stop_requested()) {
    const bool woken_by_descriptor = sleep(next);
    if (!stop.stop_requested()) next = take_turn(woken_by_descriptor);
  }
}

Flusher::Next Flusher::take_turn(bool woken_by_descriptor) {
  std::shared_lock no_fork(fork_mutex(), std::defer_lock);
  if (forks_ == Forks::wait) no_fork.lock();
  return turn_(woken_by_descriptor);
}

// Whether the descriptor ended it.
bool Flusher::sleep(const Next& next) {
  std::array<pollfd, 2> events{pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = next.fd, .events = POLLIN, .revents = 0}};
  timespec pause{};
  if (next.pause) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*next.pause);
    pause = {.tv_sec = seconds.count(), .tv_nsec = (*next.pause - seconds).count()};
  }
  ppoll(events.data(), events.size(), next.pause ? &pause : nullptr, nullptr);
  eventfd_t ignored = 0;
  if (events[0].revents != 0) eventfd_read(wake_.get(), &ignored);
  return events[1].revents != 0;
}

}  // namespace fifomq::core
