#include "core/identity.hpp"

#include <pthread.h>

#include <atomic>
#include <memory>
#include <random>

namespace fifomq::core {
namespace {

std::atomic<std::uint64_t> generation{0};

}  // namespace

std::uint64_t random_id64() {
  std::random_device source;
  std::uniform_int_distribution<std::uint64_t> non_zero(1);
  return non_zero(source);
}

std::uint32_t random_id32() {
  std::random_device source;
  std::uniform_int_distribution<std::uint32_t> non_zero(1);
  return non_zero(source);
}

std::uint64_t fork_generation() {
  [[maybe_unused]] static const int kRegistered =
      pthread_atfork([] { fork_mutex().lock(); }, [] { fork_mutex().unlock(); },
                     [] {
                       generation.fetch_add(1, std::memory_order_relaxed);
                       fork_mutex().unlock();
                       // A thread that waited for it is not here, and would be waited for.
                       std::construct_at(&fork_mutex());
                     });
  return generation.load(std::memory_order_relaxed);
}

std::shared_mutex& fork_mutex() {
  static std::shared_mutex mutex;
  return mutex;
}

}  // namespace fifomq::core
