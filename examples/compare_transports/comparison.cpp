#include "comparison.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "failure.hpp"
#include "machine.hpp"
#include "payload.hpp"
#include "progress.hpp"
#include "runs/bench.hpp"
#include "runs/paced.hpp"
#include "runs/round_trip.hpp"
#include "runs/throughput.hpp"

namespace compare {
namespace {

using std::chrono::nanoseconds;

constexpr std::array kWriterCounts{1U, 4U, 16U, 64U};
constexpr std::size_t kWriterBytes = 64;
constexpr std::array kRates{10'000.0, 100'000.0, 500'000.0};
constexpr std::array kOpenLoopRows{rows::kFifo, rows::kLibzmqIpc, rows::kZmqIpc};
constexpr std::array kBridgeSizes{std::size_t{64}, std::size_t{1024}};
constexpr std::array kOneWayRows{rows::kFifo, rows::kRawPipe};
constexpr double kLonePerSecond = 1000;
// So that a percentile of lone messages is one of enough of them.
constexpr int kLoneRunTimes = 4;
constexpr int kOpenLoopRunTimes = 2;

struct RateJob {
  const Transport* transport = nullptr;
  RateRow row{};
  Load load{};
  std::vector<Throughput> runs{};
};

struct LatencyJob {
  LatencyRow row{};
  std::function<Latency()> run{};
  std::vector<Latency> runs{};
};

template <typename Run>
Summary summary_by(const std::vector<Run>& runs, double Run::*figure) {
  std::vector<double> values;
  values.reserve(runs.size());
  for (const Run& run : runs) values.push_back(run.*figure);
  return summary_of(std::move(values));
}

class Comparison {
 public:
  explicit Comparison(const Settings& settings)
      : settings_(settings),
        catalog_(make_catalog(settings.sizes_bytes)),
        bench_(settings.run_time) {
    check_names();
    results_.machine = describe_machine();
    results_.left_out = catalog_.left_out;
  }

  Results run() {
    plan();
    run_rates(throughput_, results_.rows);
    run_latencies(round_trips_, results_.round_trips);
    run_latencies(one_way_, results_.one_way);
    run_rates(writers_, results_.writers);
    run_latencies(open_loop_, results_.open_loop);
    run_rates(bridge_, results_.bridge);
    return std::move(results_);
  }

 private:
  bool wants(std::string_view name) const {
    return settings_.only.empty() ||
           std::find(settings_.only.begin(), settings_.only.end(), name) != settings_.only.end();
  }
  bool wants_part(std::string_view part) const {
    return settings_.parts.empty() ||
           std::find(settings_.parts.begin(), settings_.parts.end(), part) != settings_.parts.end();
  }

  void check_names() const;
  [[noreturn]] void refuse(const std::string& name) const;
  void plan();
  void plan_rows();
  void plan_round_trips();
  void plan_fixed_rates();
  void plan_writers();
  void plan_bridge();
  void add_paced(std::vector<LatencyJob>& jobs, std::string_view name, double per_second,
                 nanoseconds run_time, TimedFrom timed_from);
  void run_rates(std::vector<RateJob>& jobs, std::vector<RateRow>& rows);
  void run_latencies(std::vector<LatencyJob>& jobs, std::vector<LatencyRow>& rows);

  const Settings& settings_;
  Catalog catalog_;
  Bench bench_;
  Progress progress_;
  Results results_;
  std::vector<RateJob> throughput_;
  std::vector<LatencyJob> round_trips_;
  std::vector<LatencyJob> one_way_;
  std::vector<RateJob> writers_;
  std::vector<LatencyJob> open_loop_;
  std::vector<RateJob> bridge_;
};

void Comparison::check_names() const {
  for (const std::string& name : settings_.only) {
    if (find(catalog_.rows, name) == nullptr && find(catalog_.round_trips, name) == nullptr) {
      refuse(name);
    }
  }
}

void Comparison::refuse(const std::string& name) const {
  const auto left_out = std::find_if(catalog_.left_out.begin(), catalog_.left_out.end(),
                                     [&](const LeftOut& each) { return each.name == name; });
  if (left_out != catalog_.left_out.end()) {
    throw Refusal("'" + name + "' cannot be compared: " + left_out->reason);
  }
  std::string known;
  for (const Transport& row : catalog_.rows)
    known.append(known.empty() ? "" : ", ").append(row.name);
  throw Refusal("there is no row '" + name + "'; the rows are " + known);
}

void Comparison::plan() {
  if (wants_part(parts::kThroughput)) plan_rows();
  if (wants_part(parts::kRtt)) plan_round_trips();
  plan_fixed_rates();
  if (wants_part(parts::kWriters) && wants(rows::kFifo)) plan_writers();
  if (wants_part(parts::kBridge) && wants(rows::kFifo) && wants(rows::kLibzmqIpc)) plan_bridge();
  const std::size_t rates = throughput_.size() + writers_.size() + bridge_.size();
  const std::size_t latencies = round_trips_.size() + one_way_.size() + open_loop_.size();
  progress_.expect(rates * (settings_.repetitions + 1) + latencies * settings_.repetitions);
}

void Comparison::plan_rows() {
  for (const std::size_t size : settings_.sizes_bytes) {
    for (const Transport& transport : catalog_.rows) {
      if (!wants(transport.name) || size > transport.largest_message_bytes) continue;
      throughput_.push_back(
          {.transport = &transport, .row = {.transport = transport.name, .message_bytes = size}});
    }
  }
}

void Comparison::plan_round_trips() {
  for (const auto* transports : {&catalog_.rows, &catalog_.round_trips}) {
    for (const Transport& transport : *transports) {
      if (!transport.has_round_trip || !wants(transport.name)) continue;
      if (transport.largest_message_bytes < kRoundTripBytes) continue;
      LatencyJob& job = round_trips_.emplace_back();
      job.row.transport = transport.name;
      job.run = [this, &transport] { return run_round_trips(bench_, transport); };
    }
  }
}

void Comparison::add_paced(std::vector<LatencyJob>& jobs, std::string_view name, double per_second,
                           nanoseconds run_time, TimedFrom timed_from) {
  const Transport* transport = find(catalog_.rows, name);
  if (transport == nullptr || !wants(name)) return;
  LatencyJob& job = jobs.emplace_back();
  job.row.transport = transport->name;
  job.row.wanted_per_second = per_second;
  job.run = [this, transport, per_second, run_time, timed_from] {
    return run_paced(bench_, *transport, per_second, run_time, timed_from);
  };
}

void Comparison::plan_fixed_rates() {
  for (const std::string_view name : kOneWayRows) {
    if (!wants_part(parts::kOneWay)) break;
    add_paced(one_way_, name, kLonePerSecond, kLoneRunTimes * bench_.run_time(), TimedFrom::send);
  }
  for (const double rate : kRates) {
    if (!wants_part(parts::kOpenLoop)) break;
    for (const std::string_view name : kOpenLoopRows) {
      add_paced(open_loop_, name, rate, kOpenLoopRunTimes * bench_.run_time(), TimedFrom::schedule);
    }
  }
}

void Comparison::plan_writers() {
  const Transport* fifo = find(catalog_.rows, rows::kFifo);
  for (const unsigned writers : kWriterCounts) {
    writers_.push_back(
        {.transport = fifo,
         .row = {.transport = fifo->name, .message_bytes = kWriterBytes, .writers = writers}});
  }
}

void Comparison::plan_bridge() {
  const Transport* bare = find(catalog_.rows, rows::kLibzmqIpc);
  if (catalog_.bridges.empty()) return;
  for (const std::size_t size : kBridgeSizes) {
    bridge_.push_back({.transport = bare, .row = {.transport = bare->name, .message_bytes = size}});
    for (const Transport& bridge : catalog_.bridges) {
      bridge_.push_back(
          {.transport = &bridge, .row = {.transport = bridge.name, .message_bytes = size}});
    }
  }
}

// Round-robin: whatever else the machine does meanwhile falls on all rows alike.
void Comparison::run_rates(std::vector<RateJob>& jobs, std::vector<RateRow>& rows) {
  const auto name_of = [](const RateJob& job) {
    return job.row.transport + ", " + std::to_string(job.row.message_bytes) + " B";
  };
  for (RateJob& job : jobs) {
    progress_.step(name_of(job));
    job.load = calibrate(bench_, *job.transport, job.row.message_bytes, job.row.writers);
  }
  for (unsigned repetition = 0; repetition < settings_.repetitions; ++repetition) {
    for (RateJob& job : jobs) {
      progress_.step(name_of(job));
      job.runs.push_back(run_throughput(bench_, *job.transport, job.load));
    }
  }
  for (RateJob& job : jobs) {
    RateRow row = job.row;
    row.messages = static_cast<double>(job.load.messages_each) * job.row.writers;
    row.messages_per_second = summary_by(job.runs, &Throughput::messages_per_second);
    row.sender_cpu_ns = summary_by(job.runs, &Throughput::sender_cpu_ns);
    row.receiver_cpu_ns = summary_by(job.runs, &Throughput::receiver_cpu_ns);
    row.relay_cpu_ns = summary_by(job.runs, &Throughput::relay_cpu_ns);
    row.relay_peak_bytes = summary_by(job.runs, &Throughput::relay_peak_bytes);
    rows.push_back(row);
  }
}

void Comparison::run_latencies(std::vector<LatencyJob>& jobs, std::vector<LatencyRow>& rows) {
  for (unsigned repetition = 0; repetition < settings_.repetitions; ++repetition) {
    for (LatencyJob& job : jobs) {
      progress_.step(job.row.transport + ", latency");
      job.runs.push_back(job.run());
    }
  }
  for (LatencyJob& job : jobs) {
    LatencyRow row = job.row;
    row.samples = summary_by(job.runs, &Latency::samples).median;
    row.sent_per_second = summary_by(job.runs, &Latency::messages_per_second);
    row.us_p50 = summary_by(job.runs, &Latency::us_p50);
    row.us_p99 = summary_by(job.runs, &Latency::us_p99);
    row.us_p999 = summary_by(job.runs, &Latency::us_p999);
    rows.push_back(row);
  }
}

}  // namespace

Results run_comparison(const Settings& settings) { return Comparison(settings).run(); }

}  // namespace compare
