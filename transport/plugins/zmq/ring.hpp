// A queue that keeps its memory: in steady state it allocates nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace fifomq::zeromq {

template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t at) { return places_[index(at)]; }
  const T& operator[](std::size_t at) const { return places_[index(at)]; }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == places_.size()) grow();
    places_[index(size_)] = std::move(value);
    ++size_;
  }
  void pop_front() {
    front() = T{};  // what it holds goes now
    first_ = index(1);
    --size_;
  }

 private:
  static constexpr std::size_t kLeast = 16;

  // The number of places is a power of two.
  std::size_t index(std::size_t at) const { return (first_ + at) & (places_.size() - 1); }

  void grow() {
    std::vector<T> places(std::max(kLeast, places_.size() * 2));
    for (std::size_t at = 0; at < size_; ++at) places[at] = std::move((*this)[at]);
    places_ = std::move(places);
    first_ = 0;
  }

  std::vector<T> places_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace fifomq::zeromq
