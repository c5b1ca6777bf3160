// What the command line says.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace compare {

struct Settings {
  std::vector<std::size_t> sizes_bytes{64, 1024, 65536, 1048576};
  std::vector<std::string> only;   // names of rows; empty = all
  std::vector<std::string> parts;  // empty = all
  std::chrono::nanoseconds run_time{};
  unsigned repetitions = 0;
  std::filesystem::path json;  // empty = none
  std::filesystem::path html;
  std::filesystem::path svg;
};

// Nothing when all has been said (--help). Throws Refusal.
std::optional<Settings> parse_command_line(int argc, char** argv);

}  // namespace compare
