// What all helpers do as processes.
#pragma once

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fifomq/channel.hpp>
#include <fifomq/log.hpp>

namespace faults {

// A child that must not outlive its parent.
inline void die_with_parent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

inline std::string text_of(const fifomq::Counters& counters) {
  std::string text = "counters";
  for (const auto& [name, member] : fifomq::kCounterNames) {
    if (counters.*member != 0) {
      text += " " + std::string(name) + "=" + std::to_string(counters.*member);
    }
  }
  return text;
}

// Complains and returns a status, whatever is thrown.
template <typename Steps>
int run_main(int argc, char** argv, const char* usage, std::size_t least_arguments, Steps steps) {
  die_with_parent();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < least_arguments) {
    std::fprintf(stderr, "usage: %s %s\n", argv[0], usage);
    return 2;
  }
  try {
    return steps(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

// The arguments from `first` on, each KEY=NUMBER.
inline std::vector<std::pair<std::string, std::uint64_t>> options_in(
    const std::vector<std::string>& arguments, std::size_t first) {
  std::vector<std::pair<std::string, std::uint64_t>> options;
  for (std::size_t i = first; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    if (equals == std::string::npos) throw std::invalid_argument(arguments[i] + ": no KEY=NUMBER");
    options.emplace_back(arguments[i].substr(0, equals),
                         std::stoull(arguments[i].substr(equals + 1)));
  }
  return options;
}

inline void log_to_stderr(fifomq::LogLevel, std::string_view text) {
  std::fprintf(stderr, "log: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace faults
