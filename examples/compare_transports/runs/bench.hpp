// What all runs share: the folder, the signals, and how long a run may take.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "links/link.hpp"
#include "process_group.hpp"
#include "stop_signals.hpp"
#include "temporary_folder.hpp"

namespace compare {

class Bench {
 public:
  explicit Bench(std::chrono::nanoseconds run_time) : run_time_(run_time) {}

  // What a run is meant to take.
  std::chrono::nanoseconds run_time() const { return run_time_; }
  const StopSignals& signals() const { return signals_; }
  const TemporaryFolder& folder() const { return folder_; }

  // A place of its own for each link.
  Place next_place(std::size_t message_bytes) {
    return {.stem = folder_.path() / ("link" + std::to_string(++links_)),
            .message_bytes = message_bytes};
  }

  // A run may be slower than planned, on a machine that others use too, but it does not hang.
  ProcessGroup group(const std::string& what) const {
    return {signals_, what, std::chrono::seconds(30) + 20 * run_time_};
  }

 private:
  std::chrono::nanoseconds run_time_;
  StopSignals signals_;
  TemporaryFolder folder_;
  unsigned links_ = 0;
};

}  // namespace compare
