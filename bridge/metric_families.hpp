// A relay's ledger as Prometheus wants it: names, help, labels.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <vector>

#include "relay_snapshot.hpp"

namespace fifomq {

struct EndpointNames {
  std::string from;
  std::string to;
  std::string leg{};  // of a bridge that has more than one
};

// What the program is, always.
prometheus::MetricFamily build_info();

struct RelayFigures {
  RelaySnapshot snapshot;
  EndpointNames names;
};

std::vector<prometheus::MetricFamily> metric_families(std::span<const RelayFigures> relays);

}  // namespace fifomq
