// Bytes that grow at the end without being zeroed first. std::vector would clear what is about to
// be overwritten.
#pragma once

#include <algorithm>
#include <cstddef>
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
  ByteView view() const { return {data_.get(), size_}; }
  std::byte* data() { return data_.get(); }

  void clear() { size_ = 0; }
  void release() {
    data_.reset();
    size_ = capacity_ = 0;
  }

  // Room for exactly `capacity` bytes, if that is more than there is.
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    auto grown = std::make_unique_for_overwrite<std::byte[]>(capacity);
    if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
    data_ = std::move(grown);
    capacity_ = capacity;
  }

  // At least `extra` writable bytes behind the end; add_size() says how many were written.
  std::span<std::byte> spare(std::size_t extra) {
    if (capacity_ - size_ < extra) reserve(std::max(size_ + extra, 2 * capacity_));
    return {data_.get() + size_, capacity_ - size_};
  }
  void add_size(std::size_t count) { size_ += count; }

  void append(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(spare(bytes.size()).data(), bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  void drop_front(std::size_t count) {
    size_ -= count;
    if (size_ > 0) std::memmove(data_.get(), data_.get() + count, size_);
  }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace fifomq::core
