// Notices when the path of an open FIFO comes to lead to another one: because the FIFO was removed
// or renamed and made anew, or a folder on the way was.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <fifomq/log.hpp>

#include "core/readiness.hpp"
#include "core/unique_fd.hpp"
#include "fifo_options.hpp"

namespace fifomq::fifo {

class PathWatch {
 public:
  // `more_events` of the FIFO make it ready too, as for inotify_add_watch. `makes`: a FIFO that is
  // missing is made, if the options say so.
  PathWatch(const FifoOptions& options, LogSink log, std::uint32_t more_events, bool makes);

  // inotify tells; without it, a timer asks for a look about once a second. Ready until another().
  void attach(core::Readiness& readiness);
  void detach(core::Readiness& readiness);
  bool has_events() const { return static_cast<bool>(events_); }

  // This is the FIFO in use from now on.
  void settle(const core::UniqueFd& handle);
  // A handle on the FIFO to which the path leads now, if it is another one and something has
  // happened since the last call, or `always`. Throws nothing: what is in the way is said to the
  // log, once, and looked at again.
  core::UniqueFd another(bool always = false);
  // The other one could not be used.
  void retry(std::string_view why);

 private:
  using Clock = std::chrono::steady_clock;

  core::UniqueFd look();
  core::UniqueFd missing();
  void watch_folders();
  void watch(const std::string& path, std::uint32_t events);
  void look_again_in(std::chrono::milliseconds interval);
  bool drain();

  const FifoOptions options_;
  const LogSink log_;
  const std::uint32_t more_events_;
  const bool makes_;
  core::UniqueFd events_;  // inotify
  core::UniqueFd timer_;
  std::uint64_t device_ = 0;  // of the FIFO in use
  std::uint64_t inode_ = 0;
  std::optional<Clock::time_point> missing_since_;
  bool complained_ = false;
};

}  // namespace fifomq::fifo
