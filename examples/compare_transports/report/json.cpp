#include <nlohmann/json.hpp>

#include <chrono>

#include "report/ratios.hpp"
#include "report/reports.hpp"
#include "runs/round_trip.hpp"

namespace compare {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& object, const std::string& name, const Summary& summary) {
  object[name] = summary.median;
  object[name + "_min"] = summary.min;
  object[name + "_max"] = summary.max;
}

Json rate_json(const RateRow& row) {
  Json json{{"transport", row.transport}, {"size", row.message_bytes}, {"messages", row.messages}};
  put(json, "messages_per_second", row.messages_per_second);
  put(json, "megabytes_per_second",
      {.median = row.megabytes_per_second(row.messages_per_second.median),
       .min = row.megabytes_per_second(row.messages_per_second.min),
       .max = row.megabytes_per_second(row.messages_per_second.max)});
  put(json, "sender_cpu_ns", row.sender_cpu_ns);
  put(json, "receiver_cpu_ns", row.receiver_cpu_ns);
  return json;
}

void put_percentiles(Json& json, const std::string& prefix, const LatencyRow& row) {
  put(json, prefix + "us_p50", row.us_p50);
  put(json, prefix + "us_p99", row.us_p99);
  put(json, prefix + "us_p999", row.us_p999);
}

// Round trips are of 64 B; the rows of other sizes have none.
Json row_json(const RateRow& row, const Results& results) {
  Json json = rate_json(row);
  const LatencyRow* trip = find_row(results.round_trips, row.transport);
  if (trip != nullptr && row.message_bytes == kRoundTripBytes) {
    put_percentiles(json, "rtt_", *trip);
  } else {
    json["rtt_us_p50"] = nullptr;
    json["rtt_us_p99"] = nullptr;
    json["rtt_us_p999"] = nullptr;
  }
  return json;
}

Json latencies_json(const std::vector<LatencyRow>& rows, bool at_fixed_rate) {
  Json list = Json::array();
  for (const LatencyRow& row : rows) {
    Json json{{"transport", row.transport}, {"samples", row.samples}};
    if (at_fixed_rate) {
      json["wanted_per_second"] = row.wanted_per_second;
      put(json, "sent_per_second", row.sent_per_second);
    }
    put_percentiles(json, "", row);
    list.push_back(json);
  }
  return list;
}

Json writers_json(const Results& results) {
  Json list = Json::array();
  for (const RateRow& row : results.writers) {
    Json json = rate_json(row);
    json["writers"] = row.writers;
    list.push_back(json);
  }
  return list;
}

Json bridge_json(const Results& results) {
  Json list = Json::array();
  for (const RateRow& row : results.bridge) {
    Json json = rate_json(row);
    put(json, "bridge_cpu_ns", row.relay_cpu_ns);
    put(json, "bridge_peak_bytes", row.relay_peak_bytes);
    list.push_back(json);
  }
  return list;
}

Json ratios_json(const Results& results) {
  Json list = Json::array();
  for (const Ratio& ratio : make_ratios(results)) {
    list.push_back({{"what", ratio.what},
                    {"measured", ratio.measured},
                    {"floor", ratio.floor},
                    {"aim", ratio.aim ? Json(*ratio.aim) : Json()},
                    {"less_is_better", ratio.less_is_better},
                    {"floor_reached", ratio.reaches(ratio.floor)}});
  }
  return list;
}

}  // namespace

std::string json_report(const Results& results, const Settings& settings) {
  Json machine = Json::object();
  for (const auto& [name, value] : results.machine) machine[name] = value;
  Json rows = Json::array();
  for (const RateRow& row : results.rows) rows.push_back(row_json(row, results));
  Json left_out = Json::array();
  for (const LeftOut& each : results.left_out) {
    left_out.push_back({{"transport", each.name}, {"reason", each.reason}});
  }
  const Json all{{"machine", machine},
                 {"method",
                  {{"run_seconds", std::chrono::duration<double>(settings.run_time).count()},
                   {"repetitions", settings.repetitions}}},
                 {"rows", rows},
                 {"rtt", latencies_json(results.round_trips, false)},
                 {"one_way", latencies_json(results.one_way, true)},
                 {"writers", writers_json(results)},
                 {"open_loop", latencies_json(results.open_loop, true)},
                 {"bridge", bridge_json(results)},
                 {"ratios", ratios_json(results)},
                 {"left_out", left_out}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace compare
