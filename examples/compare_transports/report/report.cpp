#include <fstream>
#include <iostream>

#include "failure.hpp"
#include "report/format.hpp"
#include "report/reports.hpp"

namespace compare {
namespace {

void write_file(const std::filesystem::path& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw system_failure("write '" + path.string() + "'");
}

}  // namespace

std::string method(const Settings& settings) {
  const double seconds = std::chrono::duration<double>(settings.run_time).count();
  return "Sender and receiver are processes of their own (for memory: threads), connected before "
         "the clock starts. The sender calls send() in a plain loop and flushes once, at the end; "
         "the receiver looks into every message, counts, and times from the sender's start to the "
         "last message's arrival. "
         "Runs take about " +
         fixed(seconds, 2) + " s. The rows take turns, and each figure is the median of " +
         std::to_string(settings.repetitions) +
         " runs, with the smallest and the largest. Processor time is user and system time of all "
         "of a process's threads. Percentiles are of all samples.";
}

void report(const Results& results, const Settings& settings) {
  std::cout << text_report(results) << std::flush;
  if (!std::cout) throw Failure("cannot print to standard output");
  if (!settings.json.empty()) write_file(settings.json, json_report(results, settings));
  if (!settings.html.empty()) write_file(settings.html, html_report(results, settings));
  if (!settings.svg.empty() && !draw_with_gnuplot(results, settings.svg)) {
    std::cerr << "compare_transports: no plots in '" << settings.svg.string()
              << "': there is no gnuplot (Debian: gnuplot-nox)\n";
  }
}

}  // namespace compare
