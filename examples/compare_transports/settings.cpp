#include "settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

#include "failure.hpp"
#include "payload.hpp"
#include "results.hpp"

namespace compare {
namespace {

constexpr double kQuickSeconds = 0.07;
constexpr double kFullSeconds = 0.5;
constexpr unsigned kRepetitions = 5;
constexpr double kLongestSeconds = 60;
constexpr unsigned kMostRepetitions = 1000;
constexpr std::size_t kLargestBytes = std::size_t{32} << 20;

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all.append(all.empty() ? "" : ", ").append(word);
  return all;
}

void check_parts(const std::vector<std::string>& wanted) {
  const std::vector<std::string> known(parts::kAll.begin(), parts::kAll.end());
  for (const std::string& part : wanted) {
    if (std::find(known.begin(), known.end(), part) != known.end()) continue;
    throw Refusal("there is no part '" + part + "'; the parts are " + joined(known));
  }
}

void check_sizes(const std::vector<std::size_t>& sizes) {
  for (const std::size_t size : sizes) {
    if (size >= kSmallestMessageBytes && size <= kLargestBytes) continue;
    throw Refusal("--sizes takes " + std::to_string(kSmallestMessageBytes) +
                  " B to 32 MiB, and cannot take " + std::to_string(size) + " B");
  }
}

// A whole comparison must not be lost for a file that cannot be written.
void check_target(const std::filesystem::path& path, bool is_folder) {
  if (path.empty()) return;
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (!is_folder && std::filesystem::is_directory(path)) {
    throw Refusal("'" + path.string() + "' is a folder, and a file is to be written");
  }
  if (!std::filesystem::is_directory(folder)) {
    throw Refusal("cannot write '" + path.string() + "': there is no folder '" + folder.string() +
                  "'");
  }
}

struct Wanted {
  Settings settings;
  bool quick = false;
  double seconds = 0;
};

void add_options(CLI::App& app, Wanted& wanted) {
  Settings& settings = wanted.settings;
  app.add_flag("--quick", wanted.quick, "short runs: about a minute in all (without: about 5)");
  app.add_option("--sizes", settings.sizes_bytes, "message sizes, as in 64,1KiB,1MiB")
      ->delimiter(',')
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE[,SIZE...]");
  app.add_option("--only", settings.only, "rows to compare, by their names in the table")
      ->delimiter(',')
      ->type_name("NAME[,NAME...]");
  app.add_option("--parts", settings.parts,
                 "throughput, rtt, one_way, writers, open_loop, bridge (default: all)")
      ->delimiter(',')
      ->type_name("PART[,PART...]");
  app.add_option("--seconds", wanted.seconds, "time of a single run (default: 0.5; --quick: 0.07)")
      ->check(CLI::Range(0.001, kLongestSeconds));
  app.add_option("--repetitions", settings.repetitions, "runs whose median counts (default: 5)")
      ->check(CLI::Range(1U, kMostRepetitions));
  app.add_option("--json", settings.json, "write all figures into this file")->type_name("FILE");
  app.add_option("--html", settings.html, "write a page with table and plots")->type_name("FILE");
  app.add_option("--svg", settings.svg, "draw plots into this folder, with gnuplot")
      ->type_name("DIR");
}

Settings completed(Wanted wanted) {
  Settings settings = std::move(wanted.settings);
  if (wanted.seconds == 0) wanted.seconds = wanted.quick ? kQuickSeconds : kFullSeconds;
  settings.run_time = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(wanted.seconds));
  if (settings.repetitions == 0) settings.repetitions = kRepetitions;
  std::sort(settings.sizes_bytes.begin(), settings.sizes_bytes.end());
  settings.sizes_bytes.erase(std::unique(settings.sizes_bytes.begin(), settings.sizes_bytes.end()),
                             settings.sizes_bytes.end());
  check_sizes(settings.sizes_bytes);
  check_parts(settings.parts);
  check_target(settings.json, false);
  check_target(settings.html, false);
  check_target(settings.svg, true);
  return settings;
}

// CLI11's sentences may end in a line break.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::optional<Settings> parse_command_line(int argc, char** argv) {
  CLI::App app(
      "Compares fifomq's transports with each other and with what else is installed: throughput,\n"
      "processor time, latency. See examples/compare_transports/README.md.",
      "compare_transports");
  Wanted wanted;
  add_options(app, wanted);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw Refusal(one_line(error.what()) + "; see --help");
  }
  return completed(std::move(wanted));
}

}  // namespace compare
