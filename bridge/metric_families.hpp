// A relay's ledger as Prometheus wants it: names, help, labels.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "relay_status.hpp"

namespace fifomq {

struct EndpointNames {
  std::string from;
  std::string to;
};

// What the program is, always.
prometheus::MetricFamily build_info();

std::vector<prometheus::MetricFamily> metric_families(const RelaySnapshot& snapshot,
                                                      const EndpointNames& names);

}  // namespace fifomq
