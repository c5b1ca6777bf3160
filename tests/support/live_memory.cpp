#include "support/live_memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace fifomq::test {
namespace {

std::atomic<std::size_t> live{0};
std::atomic<std::size_t> peak{0};

}  // namespace

std::size_t live_bytes() { return live; }
std::size_t peak_bytes() { return peak; }
void reset_peak() { peak = live.load(); }

}  // namespace fifomq::test

// NOLINTBEGIN(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc): it is the allocator
void* operator new(std::size_t size) {
  void* memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = fifomq::test::live += malloc_usable_size(memory);
  std::size_t seen = fifomq::test::peak;
  while (now > seen && !fifomq::test::peak.compare_exchange_weak(seen, now)) {
  }
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory != nullptr) fifomq::test::live -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept { operator delete(memory); }
// NOLINTEND(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc)
