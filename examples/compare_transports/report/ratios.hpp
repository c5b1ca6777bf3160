// What fifomq is to reach, as ratios of medians within one run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results.hpp"

namespace compare {

struct Ratio {
  std::string what;
  double measured = 0;
  double floor = 0;
  std::optional<double> aim;
  bool less_is_better = false;

  bool reaches(double bound) const {
    return less_is_better ? measured <= bound : measured >= bound;
  }
  std::string bound_text(double bound) const;
  const char* verdict() const;
};

// Those whose rows were measured.
std::vector<Ratio> make_ratios(const Results& results);

}  // namespace compare
