#include "metric_families.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fifomq/version.hpp>

#include "core/utf8.hpp"

namespace fifomq {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Metric {
  std::string_view name;
  std::string_view help;
  MetricType type = MetricType::Counter;
};

struct EndMetric {
  std::uint64_t Counters::*member;
  Metric metric;
};

struct DropReason {
  std::uint64_t Counters::*member;
  std::string_view reason;
};

constexpr auto kEndMetrics = std::to_array<EndMetric>({
    {&Counters::messages_received,
     {"fifomq_messages_received_total",
      "Messages of which at least the beginning arrived (from), or that were taken over (to); at "
      "every scrape delivered + dropped + pending."}},
    {&Counters::messages_delivered,
     {"fifomq_messages_delivered_total",
      "Messages handed to the relay (from), or out of this process (to)."}},
    {&Counters::messages_pending,
     {"fifomq_messages_pending", "Messages half assembled, or not handed on yet.",
      MetricType::Gauge}},
    {&Counters::bytes_in, {"fifomq_bytes_received_total", "Bytes read from a byte stream."}},
    {&Counters::bytes_in_messages,
     {"fifomq_bytes_in_messages_total", "Of the bytes read, those of messages handed on."}},
    {&Counters::bytes_skipped,
     {"fifomq_bytes_skipped_total",
      "Of the bytes read, those that belonged to no whole message: damage, garbage, half messages, "
      "dropped messages."}},
    {&Counters::bytes_pending,
     {"fifomq_bytes_pending", "Of the bytes read, those not decided on yet.", MetricType::Gauge}},
    {&Counters::bytes_out, {"fifomq_bytes_sent_total", "Bytes written to a byte stream."}},
    {&Counters::backlog_bytes,
     {"fifomq_backlog_bytes", "Bytes that wait to be read now, where the transport can tell.",
      MetricType::Gauge}},
    {&Counters::frames_damaged,
     {"fifomq_frames_damaged_total", "Frames that had begun and turned out broken."}},
    {&Counters::sequence_gaps,
     {"fifomq_sequence_gaps_total", "Messages missing in a writer's numbering."}},
    {&Counters::abandoned,
     {"fifomq_messages_abandoned_total",
      "Large messages that were begun, could not be finished in time, and were cancelled."}},
    {&Counters::uncommittable,
     {"fifomq_messages_uncommittable_total",
      "Messages that did not fit into the pipe, so that a crash half way would have lost them."}},
    {&Counters::reopened,
     {"fifomq_reopens_total", "How often the path led to something new, which was opened."}},
    {&Counters::peers,
     {"fifomq_peers", "Peers connected now, where the transport can tell.", MetricType::Gauge}},
    {&Counters::peers_lost, {"fifomq_peers_lost_total", "Peers that went away."}},
    {&Counters::peers_refused,
     {"fifomq_peers_refused_total",
      "Connections that ended before they were peers: a key that is not allowed, another protocol, "
      "nothing said in time."}},
});

constexpr auto kDropReasons = std::to_array<DropReason>({
    {&Counters::too_large, "too_large"},
    {&Counters::cancelled, "cancelled"},
    {&Counters::given_up, "given_up"},
    {&Counters::over_memory, "over_memory"},
    {&Counters::undecodable, "undecodable"},
    {&Counters::full, "full"},
    {&Counters::unsubscribed, "unsubscribed"},
});
constexpr Metric kDropped{"fifomq_messages_dropped_total",
                          "Messages that were not handed on, by reason."};
static_assert(kEndMetrics.size() + kDropReasons.size() == kCounterNames.size(),
              "every counter of the ledger is a metric");

struct RelayMetric {
  std::uint64_t RelaySnapshot::*member;
  Metric metric;
};

constexpr auto kRelayMetrics = std::to_array<RelayMetric>({
    {&RelaySnapshot::relayed, {"fifomq_messages_relayed_total", "Messages that TO has accepted."}},
    {&RelaySnapshot::hop_limit,
     {"fifomq_messages_hop_limit_total",
      "Messages dropped because they would have passed more than 8 relays."}},
    {&RelaySnapshot::dead_letters,
     {"fifomq_dead_letters_total",
      "Messages that were refused or over the hop limit, and went to the dead letters."}},
    {&RelaySnapshot::unsent,
     {"fifomq_messages_unsent_total",
      "Messages taken in that could not be handed on before the end."}},
    {&RelaySnapshot::uncommitted,
     {"fifomq_messages_uncommitted",
      "Messages taken in that are not settled yet: with at-least-once they come again after a "
      "crash.",
      MetricType::Gauge}},
});

constexpr Metric kLatency{"fifomq_relay_latency_seconds",
                          "Age of messages when TO accepted them, of those that carry the time "
                          "they were sent at.",
                          MetricType::Histogram};
constexpr Metric kRefused{"fifomq_messages_refused_total",
                          "Messages that TO cannot carry, by reason."};
constexpr auto kRefusals =
    std::to_array<std::pair<std::string_view, std::uint64_t RelaySnapshot::*>>({
        {"too_large", &RelaySnapshot::too_large},
        {"not_representable", &RelaySnapshot::not_representable},
    });

MetricFamily family(const Metric& metric) {
  return {std::string(metric.name), std::string(metric.help), metric.type, {}};
}

ClientMetric sample(MetricType type, std::uint64_t value, std::vector<ClientMetric::Label> labels) {
  ClientMetric result;
  result.label = std::move(labels);
  const auto number = static_cast<double>(value);
  (type == MetricType::Gauge ? result.gauge.value : result.counter.value) = number;
  return result;
}

// A path may hold any bytes, a label only UTF-8.
std::string label_text(std::string text) {
  if (!core::is_utf8(text)) {
    std::ranges::replace_if(
        text, [](char c) { return (c & '\x80') != 0; }, '?');
  }
  return text;
}

// One end of a relay with its labels.
struct End {
  const Counters& counters;
  std::vector<ClientMetric::Label> labels;
};

std::vector<End> ends_of(std::span<const RelayFigures> relays) {
  std::vector<End> ends;
  for (const auto& [snapshot, names] : relays) {
    ends.push_back({snapshot.from, {{"endpoint", label_text(names.from)}, {"end", "from"}}});
    ends.push_back({snapshot.to, {{"endpoint", label_text(names.to)}, {"end", "to"}}});
  }
  return ends;
}

std::vector<ClientMetric::Label> labels_of(const RelayFigures& relay) {
  if (relay.names.leg.empty()) return {};
  return {{"leg", relay.names.leg}};
}

MetricFamily dropped(std::span<const End> ends) {
  MetricFamily result = family(kDropped);
  for (const End& end : ends) {
    for (const auto& [member, reason] : kDropReasons) {
      auto labels = end.labels;
      labels.push_back({"reason", std::string(reason)});
      result.metric.push_back(sample(kDropped.type, end.counters.*member, std::move(labels)));
    }
  }
  return result;
}

MetricFamily refused(std::span<const RelayFigures> relays) {
  MetricFamily result = family(kRefused);
  for (const RelayFigures& relay : relays) {
    for (const auto& [reason, member] : kRefusals) {
      auto labels = labels_of(relay);
      labels.push_back({"reason", std::string(reason)});
      result.metric.push_back(sample(kRefused.type, relay.snapshot.*member, std::move(labels)));
    }
  }
  return result;
}

ClientMetric latency(const RelayFigures& relay) {
  const LatencyCounts& counts = relay.snapshot.latency;
  ClientMetric metric;
  metric.label = labels_of(relay);
  auto& histogram = metric.histogram;
  for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
    histogram.sample_count += counts.buckets.at(i);
    if (i == LatencyCounts::kBounds.size()) break;  // the serializer adds the one without a bound
    histogram.bucket.push_back({histogram.sample_count, LatencyCounts::kBounds.at(i)});
  }
  histogram.sample_sum = counts.sum_seconds;
  return metric;
}

}  // namespace

MetricFamily build_info() {
  MetricFamily result = family(
      {"fifomq_build_info", "Which program this is; the value is always 1.", MetricType::Gauge});
  result.metric.push_back(sample(MetricType::Gauge, 1, {{"version", kVersion}}));
  return result;
}

std::vector<MetricFamily> metric_families(std::span<const RelayFigures> relays) {
  std::vector<MetricFamily> result;
  const std::vector<End> ends = ends_of(relays);
  for (const auto& [member, metric] : kEndMetrics) {
    MetricFamily& each = result.emplace_back(family(metric));
    for (const End& end : ends) {
      each.metric.push_back(sample(metric.type, end.counters.*member, end.labels));
    }
  }
  result.push_back(dropped(ends));
  for (const auto& [member, metric] : kRelayMetrics) {
    MetricFamily& each = result.emplace_back(family(metric));
    for (const RelayFigures& relay : relays) {
      each.metric.push_back(sample(metric.type, relay.snapshot.*member, labels_of(relay)));
    }
  }
  result.push_back(refused(relays));
  MetricFamily& latencies = result.emplace_back(family(kLatency));
  for (const RelayFigures& relay : relays) latencies.metric.push_back(latency(relay));
  return result;
}

}  // namespace fifomq
