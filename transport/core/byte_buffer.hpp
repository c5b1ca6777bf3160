// Bytes that grow at the end without being zeroed first. std::vector would clear what is about to
// be overwritten.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include <fifomq/message.hpp>

namespace fifomq::core {

class ByteBuffer {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return capacity_; }
  ByteView view() const { return {data_, size_}; }
  std::byte* data() { return data_; }

  void clear() { size_ = 0; }
  void release() { *this = ByteBuffer(); }

  // Room for exactly `capacity` bytes, if that is more than there is.
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    const bool placed = capacity >= kLargeBytes;
    auto grown = std::make_unique_for_overwrite<std::byte[]>(capacity + (placed ? kPageBytes : 0));
    std::byte* const data = placed ? half_a_page_in(grown.get()) : grown.get();
    if (size_ > 0) std::memcpy(data, data_, size_);
    memory_ = std::move(grown);
    data_ = data;
    capacity_ = capacity;
  }

  // At least `extra` writable bytes behind the end; add_size() says how many were written.
  std::span<std::byte> spare(std::size_t extra) {
    if (capacity_ - size_ < extra) reserve(std::max(size_ + extra, 2 * capacity_));
    return {data_ + size_, capacity_ - size_};
  }
  void add_size(std::size_t count) { size_ += count; }

  void append(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(spare(bytes.size()).data(), bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  void drop_front(std::size_t count) {
    size_ -= count;
    if (size_ > 0) std::memmove(data_, data_ + count, size_);
  }

 private:
  // A pipe is read page by page. Where these land just behind the same place in a page of ours,
  // some processors copy at a third of their speed (`rep movsb` on AMD Zen 3 and 4:
  // https://sourceware.org/bugzilla/show_bug.cgi?id=30994); from half a page in they never do.
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::size_t kLargeBytes = 8 * kPageBytes;
  static std::byte* half_a_page_in(std::byte* memory) {
    const auto into_page = reinterpret_cast<std::uintptr_t>(memory) % kPageBytes;
    return memory + (kPageBytes + kPageBytes / 2 - into_page) % kPageBytes;
  }

  std::unique_ptr<std::byte[]> memory_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace fifomq::core
