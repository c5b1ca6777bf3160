#include "peers/failing_memory.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

namespace faults {
namespace {

std::atomic<std::int64_t> until_failure{0};  // 0 once it has failed, less when none is to
std::atomic<bool> failed{false};
std::atomic<std::int64_t> live{0};

bool fails_now() {
  if (until_failure.load(std::memory_order_relaxed) <= 0 || --until_failure != 0) return false;
  failed = true;
  return true;
}

}  // namespace

void fail_allocation(std::uint64_t nth) {
  failed = false;
  until_failure = static_cast<std::int64_t>(nth);
}
bool has_failed() { return failed; }
std::int64_t live_blocks() { return live; }

}  // namespace faults

// NOLINTBEGIN(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc): it is the allocator
namespace {

void* allocate(std::size_t size) noexcept {
  if (faults::fails_now()) return nullptr;
  void* const memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory != nullptr) ++faults::live;
  return memory;
}

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  if (faults::fails_now()) return nullptr;
  const auto bytes = static_cast<std::size_t>(alignment);
  void* const memory = std::aligned_alloc(bytes, (size + bytes - 1) / bytes * bytes);
  if (memory != nullptr) ++faults::live;
  return memory;
}

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) --faults::live;
  std::free(memory);
}

}  // namespace

using Nothrow = std::nothrow_t;
using Align = std::align_val_t;

void* operator new(std::size_t size) { return or_throw(allocate(size)); }
void* operator new[](std::size_t size) { return or_throw(allocate(size)); }
void* operator new(std::size_t size, const Nothrow& /*tag*/) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const Nothrow& /*tag*/) noexcept { return allocate(size); }
void* operator new(std::size_t size, Align alignment) {
  return or_throw(allocate(size, alignment));
}
void* operator new[](std::size_t size, Align alignment) {
  return or_throw(allocate(size, alignment));
}
void* operator new(std::size_t size, Align alignment, const Nothrow& /*tag*/) noexcept {
  return allocate(size, alignment);
}
void* operator new[](std::size_t size, Align alignment, const Nothrow& /*tag*/) noexcept {
  return allocate(size, alignment);
}

void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { release(memory); }
void operator delete(void* memory, const Nothrow& /*tag*/) noexcept { release(memory); }
void operator delete[](void* memory, const Nothrow& /*tag*/) noexcept { release(memory); }
void operator delete(void* memory, Align /*alignment*/) noexcept { release(memory); }
void operator delete[](void* memory, Align /*alignment*/) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*size*/, Align /*alignment*/) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t /*size*/, Align /*alignment*/) noexcept {
  release(memory);
}
void operator delete(void* memory, Align /*alignment*/, const Nothrow& /*tag*/) noexcept {
  release(memory);
}
void operator delete[](void* memory, Align /*alignment*/, const Nothrow& /*tag*/) noexcept {
  release(memory);
}
// NOLINTEND(cppcoreguidelines-owning-memory,cppcoreguidelines-no-malloc)

// A sender takes the pages that it gives to a pipe from here; the C library's own calls do not come
// by.
extern "C" void* mmap(void* at, size_t size, int protection, int flags, int fd,
                      off_t offset) noexcept {
  std::int64_t result = -1;
  if (faults::fails_now()) {
    errno = ENOMEM;
  } else {
    result = syscall(SYS_mmap, at, size, protection, flags, fd, offset);
  }
  return reinterpret_cast<void*>(result);  // NOLINT(performance-no-int-to-ptr): so it is defined
}
