// What a comparison finds out.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "links/catalog.hpp"
#include "statistics.hpp"

namespace compare {

namespace parts {
inline constexpr std::string_view kThroughput = "throughput";
inline constexpr std::string_view kRtt = "rtt";
inline constexpr std::string_view kOneWay = "one_way";
inline constexpr std::string_view kWriters = "writers";
inline constexpr std::string_view kOpenLoop = "open_loop";
inline constexpr std::string_view kBridge = "bridge";
inline constexpr std::array kAll{kThroughput, kRtt, kOneWay, kWriters, kOpenLoop, kBridge};
}  // namespace parts

// Of one transport at one size, or with so many writers.
struct RateRow {
  std::string transport{};
  std::size_t message_bytes = 0;
  unsigned writers = 1;
  double messages = 0;  // in each run
  Summary messages_per_second{};
  Summary sender_cpu_ns{};
  Summary receiver_cpu_ns{};
  Summary relay_cpu_ns{};
  Summary relay_peak_bytes{};

  double megabytes_per_second(double rate) const {
    constexpr double kMegabyte = 1e6;
    return rate * static_cast<double>(message_bytes) / kMegabyte;
  }
};

struct LatencyRow {
  std::string transport{};
  double wanted_per_second = 0;  // of runs at a fixed rate
  double samples = 0;            // in each run
  Summary sent_per_second{};
  Summary us_p50{};
  Summary us_p99{};
  Summary us_p999{};
};

struct Results {
  std::vector<std::pair<std::string, std::string>> machine;
  std::vector<RateRow> rows;
  std::vector<LatencyRow> round_trips;
  std::vector<LatencyRow> one_way;
  std::vector<RateRow> writers;
  std::vector<LatencyRow> open_loop;
  std::vector<RateRow> bridge;
  std::vector<LeftOut> left_out;
};

inline const RateRow* find_row(const std::vector<RateRow>& rows, std::string_view transport,
                               std::size_t message_bytes) {
  for (const RateRow& row : rows) {
    if (row.transport == transport && row.message_bytes == message_bytes) return &row;
  }
  return nullptr;
}

inline const LatencyRow* find_row(const std::vector<LatencyRow>& rows, std::string_view transport) {
  for (const LatencyRow& row : rows) {
    if (row.transport == transport) return &row;
  }
  return nullptr;
}

}  // namespace compare
