// What a process writes down for the history, in files that are mapped: what stands in them is
// there whatever kills the process. history.py reads them.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace faults {

// An array in a file, which is made as long as it may get: it is sparse.
template <typename T>
class MappedArray {
 public:
  MappedArray(const std::string& path, std::size_t capacity) : capacity_(capacity) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const std::size_t bytes = capacity * sizeof(T);
    if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) fail(path);
    void* const place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (place == MAP_FAILED) fail(path);
    first_ = static_cast<T*>(place);
  }
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;
  MappedArray(MappedArray&&) = delete;
  MappedArray& operator=(MappedArray&&) = delete;
  ~MappedArray() { munmap(first_, capacity_ * sizeof(T)); }

  T& operator[](std::size_t index) { return first_[index]; }
  std::size_t size() const { return capacity_; }

 private:
  [[noreturn]] static void fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
  }

  std::size_t capacity_;
  T* first_ = nullptr;
};

// What one writer has done. It alone writes here.
struct WriterSlot {
  std::uint64_t begun;          // messages for which send() was called
  std::uint64_t accepted;       // for which it said `sent`
  std::uint64_t settled;        // that are out of the process
  std::uint64_t bytes;          // that the pipe has taken of it; hooks.cpp counts
  std::uint64_t bytes_settled;  // of these, when send() returned last
  std::uint64_t good_bytes;     // foreign writers: in whole frames
  std::uint64_t pid;
  std::uint64_t unused;
};
static_assert(sizeof(WriterSlot) == 64);

enum class ArrivalStatus : std::uint32_t { exact = 1, damaged = 2 };

// A message that was handed to a receiver's caller.
struct Arrival {
  std::uint64_t origin_writer;
  std::uint64_t origin_sequence;
  std::uint32_t writer;
  std::uint32_t number;
  std::uint32_t size;
  ArrivalStatus status;  // 0: nothing stands here
};
static_assert(sizeof(Arrival) == 32);

// Behind what an earlier receiver has written, with the status last: a record is whole or absent.
class Arrivals {
 public:
  Arrivals(const std::string& path, std::size_t capacity) : records_(path, capacity) {
    while (next_ < capacity && records_[next_].status != ArrivalStatus{}) ++next_;
  }

  void add(Arrival arrival) {
    if (next_ == records_.size()) throw std::length_error("the history is full");
    Arrival& record = records_[next_++];
    const ArrivalStatus status = std::exchange(arrival.status, ArrivalStatus{});
    record = arrival;
    std::atomic_ref(record.status).store(status, std::memory_order_release);
  }
  std::size_t count() const { return next_; }

 private:
  MappedArray<Arrival> records_;
  std::size_t next_ = 0;
};

}  // namespace faults
