// Medians, spreads and percentiles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace compare {

// Of repeated runs.
struct Summary {
  double median = 0;
  double min = 0;
  double max = 0;
};

inline Summary summary_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {.median = median, .min = values.front(), .max = values.back()};
}

// Every sample is kept: no bucket rounds a percentile.
class Samples {
 public:
  explicit Samples(std::size_t expected) { values_.reserve(expected); }

  void add(double value) {
    values_.push_back(value);
    sorted_ = false;
  }
  std::size_t count() const { return values_.size(); }

  // The smallest sample that at least this share of all samples does not exceed.
  double percentile(double share) {
    if (values_.empty()) return 0;
    if (!sorted_) std::sort(values_.begin(), values_.end());
    sorted_ = true;
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(values_.size())));
    return values_[std::clamp<std::size_t>(rank, 1, values_.size()) - 1];
  }

 private:
  std::vector<double> values_;
  bool sorted_ = false;
};

}  // namespace compare
