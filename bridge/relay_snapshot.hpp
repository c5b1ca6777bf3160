// The figures of a running relay and its two ends, at one moment between two calls.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include <fifomq/relay.hpp>

namespace fifomq {

// How old messages were when TO accepted them, as far as they carry the time they were sent at.
struct LatencyCounts {
  // The upper bounds of the buckets, in seconds; the last bucket has none.
  static constexpr std::array kBounds{0.00001, 0.0001, 0.001, 0.005, 0.025, 0.1,
                                      0.5,     1.0,    5.0,   30.0,  300.0};

  void add(std::chrono::duration<double> age);

  std::array<std::uint64_t, kBounds.size() + 1> buckets{};
  double sum_seconds = 0;
};

struct RelaySnapshot {
  // Messages that were not handed on, dead letters included: by the relay and both ends.
  std::uint64_t dropped() const { return from.dropped() + to.dropped() + hop_limit + refused(); }
  std::uint64_t refused() const { return too_large + not_representable; }

  Counters from{};
  Counters to{};
  std::uint64_t relayed = 0;
  std::uint64_t hop_limit = 0;
  std::uint64_t too_large = 0;  // for TO, as it said
  std::uint64_t not_representable = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t unsent = 0;
  std::uint64_t uncommitted = 0;
  LatencyCounts latency{};
};

// For the thread that runs the relay. All three outlive it.
struct ObservedRelay {
  const Relay& relay;
  const Receiver& from;
  const Sender& to;

  // But for the latency, which no end knows.
  RelaySnapshot take() const;
};

}  // namespace fifomq
