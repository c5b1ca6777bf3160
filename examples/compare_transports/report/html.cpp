#include <algorithm>
#include <set>

#include "report/dot_plot.hpp"
#include "report/format.hpp"
#include "report/reports.hpp"
#include "report/tables.hpp"

namespace compare {
namespace {

constexpr const char* kStyle = R"(
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #fff; }
table { border-collapse: collapse; margin: 0 0 2rem; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .7rem; border-bottom: 1px solid #d7dbe0; text-align: right; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.wide { overflow-x: auto; }
svg { width: 100%; margin: 0 0 1.5rem; font: 12px system-ui, sans-serif; fill: #1b1f24; }
svg .title { font-weight: 600; font-size: 14px; }
svg .grid { stroke: #d7dbe0; }
svg .spread { stroke: #79818c; stroke-width: 2; }
svg circle { fill: #79818c; }
svg .ours circle { fill: #c2410c; }
svg .ours .spread { stroke: #c2410c; }
svg .ours text { font-weight: 600; }
)";

bool is_ours(const std::string& transport) {
  return transport.starts_with("fifo") || transport.starts_with("zmq") ||
         transport == rows::kMemory;
}

Dot dot_of(const std::string& label, const std::string& transport, const Summary& summary) {
  return {.label = label,
          .median = summary.median,
          .min = summary.min,
          .max = summary.max,
          .ours = is_ours(transport)};
}

std::string rate_plots(const Results& results) {
  std::set<std::size_t> sizes;
  for (const RateRow& row : results.rows) sizes.insert(row.message_bytes);
  std::string svg;
  for (const std::size_t size : sizes) {
    std::vector<Dot> dots;
    for (const RateRow& row : results.rows) {
      if (row.message_bytes != size) continue;
      dots.push_back(dot_of(row.transport, row.transport, row.messages_per_second));
    }
    std::stable_sort(dots.begin(), dots.end(),
                     [](const Dot& a, const Dot& b) { return a.median > b.median; });
    svg += dot_plot("Messages of " + size_text(size) + " per second (more is better)", dots);
  }
  return svg;
}

std::string latency_plot(const std::string& title, const std::vector<LatencyRow>& rows,
                         bool at_rates) {
  std::vector<Dot> dots;
  for (const LatencyRow& row : rows) {
    const std::string label =
        at_rates ? row.transport + " at " + short_number(row.wanted_per_second) + "/s"
                 : row.transport;
    dots.push_back(dot_of(label + ", p50", row.transport, row.us_p50));
    dots.push_back(dot_of(label + ", p99", row.transport, row.us_p99));
  }
  return dot_plot(title, dots);
}

std::string other_plots(const Results& results) {
  std::vector<Dot> writers;
  for (const RateRow& row : results.writers) {
    writers.push_back(dot_of(row.transport + ", writers: " + std::to_string(row.writers),
                             row.transport, row.messages_per_second));
  }
  std::vector<Dot> bridge;
  for (const RateRow& row : results.bridge) {
    bridge.push_back(dot_of(row.transport + ", " + size_text(row.message_bytes), row.transport,
                            row.messages_per_second));
  }
  return latency_plot("Round trip of 64 B, us (less is better)", results.round_trips, false) +
         latency_plot("A lone message one way, us (less is better)", results.one_way, false) +
         dot_plot("Messages of 64 B per second from several writers", writers) +
         latency_plot("Latency at fixed rates, us (less is better)", results.open_loop, true) +
         dot_plot("Messages per second through the bridge", bridge);
}

std::string table_html(const Table& table) {
  std::string html = "<h3>" + escaped(table.title) + "</h3>\n<div class=\"wide\"><table>\n<tr>";
  for (const std::string& head : table.heads) html += "<th>" + escaped(head) + "</th>";
  html += "</tr>\n";
  for (const auto& line : table.lines) {
    html += "<tr>";
    for (const std::string& cell : line) html += "<td>" + escaped(cell) + "</td>";
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string machine_html(const Results& results) {
  std::string html = "<h2>Machine</h2>\n<table>\n";
  for (const auto& [name, value] : results.machine) {
    html += "<tr><td>" + escaped(name) + "</td><td>" + escaped(value) + "</td></tr>\n";
  }
  return html + "</table>\n";
}

std::string left_out_html(const Results& results) {
  if (results.left_out.empty()) return "";
  std::string html = "<h2>Left out</h2>\n<ul>\n";
  for (const LeftOut& each : results.left_out) {
    html += "<li>" + escaped(each.name + ": " + each.reason) + "</li>\n";
  }
  return html + "</ul>\n";
}

}  // namespace

std::string html_report(const Results& results, const Settings& settings) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>fifomq: transports compared</title>\n<style>";
  html += kStyle;
  html += "</style>\n</head>\n<body>\n<h1>Transports compared</h1>\n";
  html +=
      "<h2>Plots</h2>\n<p>A dot is the median of the runs, its line goes from the smallest to "
      "the largest; the axes are logarithmic. In colour: fifomq.</p>\n";
  html += rate_plots(results) + other_plots(results);
  html += "<h2>Tables</h2>\n";
  for (const Table& table : make_tables(results)) html += table_html(table);
  html += left_out_html(results) + machine_html(results);
  html += "<h2>Method</h2>\n<p>" + escaped(method(settings)) + "</p>\n</body>\n</html>\n";
  return html;
}

}  // namespace compare
