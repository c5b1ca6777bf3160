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
thread_local std::uint64_t allocated = 0;

}  // namespace

std::size_t live_bytes() { return live; }
std::size_t peak_bytes() { return peak; }
std::uint64_t allocations() { return allocated; }
void reset_peak() { peak = live.load(); }

}  // namespace fifomq::test

// NOLINTBEGIN(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc): it is the allocator
static void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  ++fifomq::test::allocated;
  const std::size_t now = fifomq::test::live += malloc_usable_size(memory);
  std::size_t seen = fifomq::test::peak;
  while (now > seen && !fifomq::test::peak.compare_exchange_weak(seen, now)) {
  }
  return memory;
}

void* operator new(std::size_t size) {
  return counted(std::malloc(std::max<std::size_t>(size, 1)));
}

void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto bytes = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(bytes, (size + bytes - 1) / bytes * bytes));
}

void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return ::operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void operator delete(void* memory) noexcept {
  if (memory != nullptr) fifomq::test::live -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept { operator delete(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  operator delete(memory);
}
// NOLINTEND(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc)
