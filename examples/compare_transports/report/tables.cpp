#include "report/tables.hpp"

#include "report/format.hpp"
#include "report/ratios.hpp"

namespace compare {
namespace {

std::string spread_text(const Summary& summary) {
  return short_number(summary.min) + " - " + short_number(summary.max);
}

Table throughput_table(const Results& results) {
  Table table{.title = "Throughput: one sender in a plain send() loop, counted at the receiver",
              .heads = {"transport", "size", "msg/s", "min - max", "MB/s", "sender ns/msg",
                        "receiver ns/msg"},
              .lines = {}};
  for (const RateRow& row : results.rows) {
    table.lines.push_back(
        {row.transport, size_text(row.message_bytes), short_number(row.messages_per_second.median),
         spread_text(row.messages_per_second),
         short_number(row.megabytes_per_second(row.messages_per_second.median)),
         short_number(row.sender_cpu_ns.median), short_number(row.receiver_cpu_ns.median)});
  }
  return table;
}

Table latency_table(std::string title, const std::vector<LatencyRow>& rows) {
  Table table{.title = std::move(title),
              .heads = {"transport", "p50 us", "min - max", "p99 us", "min - max", "p99.9 us"},
              .lines = {}};
  for (const LatencyRow& row : rows) {
    table.lines.push_back({row.transport, short_number(row.us_p50.median), spread_text(row.us_p50),
                           short_number(row.us_p99.median), spread_text(row.us_p99),
                           short_number(row.us_p999.median)});
  }
  return table;
}

Table writers_table(const Results& results) {
  Table table{.title = "Writers: so many processes write 64 B messages into one FIFO",
              .heads = {"transport", "writers", "msg/s", "min - max", "ns/msg", "writers' ns/msg",
                        "receiver ns/msg"},
              .lines = {}};
  constexpr double kNanosPerSecond = 1e9;
  for (const RateRow& row : results.writers) {
    table.lines.push_back(
        {row.transport, std::to_string(row.writers), short_number(row.messages_per_second.median),
         spread_text(row.messages_per_second),
         short_number(kNanosPerSecond / row.messages_per_second.median),
         short_number(row.sender_cpu_ns.median), short_number(row.receiver_cpu_ns.median)});
  }
  return table;
}

Table open_loop_table(const Results& results) {
  Table table{.title = "Open loop: 64 B at a fixed rate, latency from the scheduled time",
              .heads = {"transport", "wanted/s", "sent/s", "p50 us", "min - max", "p99 us",
                        "min - max", "p99.9 us"},
              .lines = {}};
  for (const LatencyRow& row : results.open_loop) {
    table.lines.push_back({row.transport, short_number(row.wanted_per_second),
                           short_number(row.sent_per_second.median),
                           short_number(row.us_p50.median), spread_text(row.us_p50),
                           short_number(row.us_p99.median), spread_text(row.us_p99),
                           short_number(row.us_p999.median)});
  }
  return table;
}

Table bridge_table(const Results& results) {
  constexpr double kMib = 1024.0 * 1024.0;
  Table table{.title = "Bridge: FIFO to ZeroMQ, beside bare PUSH to PULL",
              .heads = {"transport", "size", "msg/s", "min - max", "sender ns/msg", "bridge ns/msg",
                        "receiver ns/msg", "bridge RSS"},
              .lines = {}};
  for (const RateRow& row : results.bridge) {
    const bool bridged = row.relay_peak_bytes.median > 0;
    table.lines.push_back(
        {row.transport, size_text(row.message_bytes), short_number(row.messages_per_second.median),
         spread_text(row.messages_per_second), short_number(row.sender_cpu_ns.median),
         bridged ? short_number(row.relay_cpu_ns.median) : "-",
         short_number(row.receiver_cpu_ns.median),
         bridged ? fixed(row.relay_peak_bytes.max / kMib, 1) + " MiB" : "-"});
  }
  return table;
}

Table ratio_table(const Results& results) {
  Table table{.title = "Ratios: what is wanted of fifomq, and what this run shows",
              .heads = {"what", "measured", "floor", "aim", ""},
              .lines = {}};
  for (const Ratio& ratio : make_ratios(results)) {
    table.lines.push_back({ratio.what, fixed(ratio.measured, 2) + "x",
                           ratio.bound_text(ratio.floor),
                           ratio.aim ? ratio.bound_text(*ratio.aim) : "-", ratio.verdict()});
  }
  return table;
}

}  // namespace

std::vector<Table> make_tables(const Results& results) {
  std::vector<Table> tables{
      throughput_table(results),
      latency_table("Round trip: 64 B there and back over two links", results.round_trips),
      latency_table("One way: a lone 64 B message each millisecond", results.one_way),
      writers_table(results),
      open_loop_table(results),
      bridge_table(results),
      ratio_table(results),
  };
  std::erase_if(tables, [](const Table& table) { return table.lines.empty(); });
  return tables;
}

}  // namespace compare
