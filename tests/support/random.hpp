// Random input that can be had again: the seed is printed, and FIFOMQ_SEED sets it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>
#include <string>

namespace fifomq::test {

class Random {
 public:
  Random() : Random(pick_seed()) {}
  explicit Random(std::uint64_t seed) : engine_(seed) {
    std::cout << "seed " << seed << " (FIFOMQ_SEED=" << seed << " repeats it)\n";
  }

  // From `least` to `most`, both included.
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(engine_);
  }
  bool one_in(std::uint64_t n) { return between(1, n) == 1; }
  // All magnitudes alike, so that every length of a varint turns up.
  std::uint64_t any_magnitude() {
    return between(0, std::numeric_limits<std::uint64_t>::max()) >> between(0, 63);
  }
  std::string bytes(std::size_t count) {
    std::string made(count, '\0');
    for (char& c : made) c = static_cast<char>(engine_());
    return made;
  }
  std::string letters(std::size_t count) {
    std::string made(count, '\0');
    for (char& c : made) c = static_cast<char>(between('a', 'z'));
    return made;
  }

 private:
  static std::uint64_t pick_seed() {
    if (const char* given = std::getenv("FIFOMQ_SEED")) return std::stoull(given);
    return std::random_device()();
  }

  std::mt19937_64 engine_;
};

}  // namespace fifomq::test
