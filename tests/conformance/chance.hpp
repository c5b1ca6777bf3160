// Random instants and sizes that can be had again.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

namespace fifomq::conformance {

// When to kill. The seed is printed, and FIFOMQ_SEED sets it.
class Chance {
 public:
  Chance() : engine_(seed_) { std::fprintf(stdout, "%s\n", text().c_str()); }

  std::string text() const { return "FIFOMQ_SEED=" + std::to_string(seed_) + " repeats this"; }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(engine_);
  }
  // A random instant is nothing that could be waited for.
  void wait() { std::this_thread::sleep_for(std::chrono::microseconds(between(0, 500))); }

 private:
  static std::uint64_t pick() {
    const char* const given = std::getenv("FIFOMQ_SEED");
    return given != nullptr ? std::stoull(given) : std::random_device()();
  }

  const std::uint64_t seed_ = pick();
  std::mt19937_64 engine_;
};

}  // namespace fifomq::conformance
