// Compares transports, and says by how much. See README.md.
#include <csignal>
#include <iostream>

#include "comparison.hpp"
#include "failure.hpp"
#include "report/reports.hpp"
#include "settings.hpp"

namespace {

int run(int argc, char** argv) {
  using namespace compare;
  try {
    const auto settings = parse_command_line(argc, argv);
    if (!settings) return EXIT_SUCCESS;
    report(run_comparison(*settings), *settings);
    return EXIT_SUCCESS;
  } catch (const Refusal& refusal) {
    std::cerr << "compare_transports: " << refusal.what() << '\n';
    return kUsage;
  } catch (const Interrupted& interrupted) {
    constexpr int kSignalled = 128;
    return kSignalled + interrupted.signal();
  } catch (const std::exception& error) {
    std::cerr << "compare_transports: " << error.what() << '\n';
    return kFailedRun;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that is gone is then an error that can be explained
  try {
    return run(argc, argv);
  } catch (...) {
    return compare::kFailedRun;
  }
}
