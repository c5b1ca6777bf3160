// Plots as SVG files, drawn by gnuplot where it is installed.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "failure.hpp"
#include "process_group.hpp"
#include "report/format.hpp"
#include "report/reports.hpp"
#include "temporary_folder.hpp"

namespace compare {
namespace {

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = std::filesystem::path(folder) / program;
    if (::access(candidate.c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += c;
    result += c;
  }
  result += '\'';
  return result;
}

// A block of data for each transport, in columns, and the plot of them all.
class Script {
 public:
  explicit Script(std::filesystem::path folder) : folder_(std::move(folder)) {
    text_ << "set terminal svg size 900,520 dynamic background rgb 'white' font 'sans-serif,13'\n"
             "set grid\nset key outside right noenhanced\n";
  }

  void begin(const std::string& file, const std::string& title, const std::string& x,
             const std::string& y) {
    text_ << "set output " << quoted((folder_ / file).string()) << "\nset title " << quoted(title)
          << "\nset xlabel " << quoted(x) << "\nset ylabel " << quoted(y)
          << "\nset logscale xy\nset autoscale\nset xtics auto\nset format y '%.0s%c'\n";
    curves_.clear();
  }
  void xtics(const std::string& tics) { text_ << "set xtics (" << tics << ")\n"; }
  // Names instead of numbers: 1, 2, ... `count`.
  void named_xtics(const std::string& tics, int count) {
    xtics(tics);
    text_ << "unset logscale x\nset xrange [0.7:" << count << ".3]\n";
  }
  // Lines of "x median min max".
  void curve(const std::string& name, const std::string& lines) {
    const std::string block = "$data" + std::to_string(++blocks_);
    text_ << block << " << END\n" << lines << "END\n";
    const std::size_t number = curves_.size();
    // gnuplot has eight colours; what comes after these is dashed.
    const std::string kind = " linetype " + std::to_string(number % kColours + 1) + " dashtype " +
                             std::to_string(number / kColours + 1);
    curves_.push_back(block + " using 1:2:3:4 with yerrorlines pointtype 7 pointsize 0.5" + kind +
                      " linewidth 1.5 title " + quoted(name));
  }
  void end() {
    for (std::size_t i = 0; i < curves_.size(); ++i) {
      text_ << (i == 0 ? "plot " : ", ") << curves_[i];
    }
    text_ << "\nunset output\n";
  }
  std::string text() const { return text_.str(); }

 private:
  static constexpr std::size_t kColours = 8;

  std::filesystem::path folder_;
  std::ostringstream text_;
  std::vector<std::string> curves_;
  unsigned blocks_ = 0;
};

std::string data_line(double x, const Summary& summary, double factor = 1) {
  std::ostringstream line;
  line << x << ' ' << summary.median * factor << ' ' << summary.min * factor << ' '
       << summary.max * factor << '\n';
  return line.str();
}

template <typename Rows>
std::vector<std::string> transports_in(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (std::find(names.begin(), names.end(), row.transport) == names.end()) {
      names.push_back(row.transport);
    }
  }
  return names;
}

std::string size_tics(const std::vector<RateRow>& rows) {
  std::set<std::size_t> sizes;
  for (const RateRow& row : rows) sizes.insert(row.message_bytes);
  std::string tics;
  for (const std::size_t size : sizes) {
    tics += (tics.empty() ? "" : ", ") + quoted(size_text(size)) + " " + std::to_string(size);
  }
  return tics;
}

void draw_throughput(Script& script, const Results& results, bool in_bytes) {
  if (results.rows.empty()) return;
  script.begin(in_bytes ? "throughput_bytes.svg" : "throughput_messages.svg",
               "One sender, one receiver", "message size",
               in_bytes ? "bytes per second" : "messages per second");
  script.xtics(size_tics(results.rows));
  for (const std::string& name : transports_in(results.rows)) {
    std::string lines;
    for (const RateRow& row : results.rows) {
      if (row.transport != name) continue;
      const auto size = static_cast<double>(row.message_bytes);
      lines += data_line(size, row.messages_per_second, in_bytes ? size : 1);
    }
    script.curve(name, lines);
  }
  script.end();
}

void draw_writers(Script& script, const Results& results) {
  if (results.writers.empty()) return;
  script.begin("writers.svg", "Writers into one FIFO, 64 B", "writers", "messages per second");
  script.xtics("1, 4, 16, 64");
  std::string lines;
  for (const RateRow& row : results.writers) {
    lines += data_line(row.writers, row.messages_per_second);
  }
  script.curve(results.writers.front().transport, lines);
  script.end();
}

void draw_open_loop(Script& script, const Results& results) {
  if (results.open_loop.empty()) return;
  script.begin("open_loop.svg", "64 B at fixed rates, latency from the scheduled time",
               "messages per second", "us");
  script.xtics("'10k' 10000, '100k' 100000, '500k' 500000");
  for (const std::string& name : transports_in(results.open_loop)) {
    std::string p50;
    std::string p99;
    for (const LatencyRow& row : results.open_loop) {
      if (row.transport != name) continue;
      p50 += data_line(row.wanted_per_second, row.us_p50);
      p99 += data_line(row.wanted_per_second, row.us_p99);
    }
    script.curve(name + ", p50", p50);
    script.curve(name + ", p99", p99);
  }
  script.end();
}

void draw_round_trips(Script& script, const Results& results) {
  if (results.round_trips.empty()) return;
  script.begin("round_trip.svg", "Round trip of 64 B", "percentile", "us");
  script.named_xtics("'p50' 1, 'p99' 2, 'p99.9' 3", 3);
  for (const LatencyRow& row : results.round_trips) {
    script.curve(row.transport,
                 data_line(1, row.us_p50) + data_line(2, row.us_p99) + data_line(3, row.us_p999));
  }
  script.end();
}

}  // namespace

bool draw_with_gnuplot(const Results& results, const std::filesystem::path& folder) {
  if (!is_installed("gnuplot")) return false;
  std::filesystem::create_directories(folder);
  Script script(folder);
  draw_throughput(script, results, false);
  draw_throughput(script, results, true);
  draw_round_trips(script, results);
  draw_writers(script, results);
  draw_open_loop(script, results);

  const TemporaryFolder scratch;
  const auto path = scratch.path() / "plots.gnuplot";
  std::ofstream(path) << script.text();
  const StopSignals signals;
  ProcessGroup group(signals, "plots", std::chrono::seconds(60));
  group.start_program("gnuplot", {"gnuplot", path.string()}, scratch.path() / "gnuplot.log");
  group.wait_for_program();
  return true;
}

}  // namespace compare
