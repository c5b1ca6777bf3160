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

  // What makes `readiness` ready until another(): inotify tells; without it, a timer asks for a
  // look about once a second.
  void attach(core::Readiness& readiness);
  void detach();
  // Begins to watch; more calls cost nothing. Not done before it is needed, since the kernel takes
  // ten milliseconds to forget what was watched last.
  void arm() noexcept {
    if (!armed_) begin();
  }
  bool has_events() const { return static_cast<bool>(events_); }

  // This is the FIFO in use from now on; the handle stays the caller's, and open.
  void settle(const core::UniqueFd& handle) noexcept;
  // A handle on the FIFO to which the path leads now, if it is another one and something has
  // happened since the last call. Throws nothing: what is in the way is said to the
  // log, once, and looked at again.
  core::UniqueFd another() noexcept;
  // The other one could not be used.
  void retry(std::string_view why) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void begin() noexcept;
  void watch_all() noexcept;
  core::UniqueFd look();
  core::UniqueFd missing();
  void watch_names();
  void watch_folders();
  void watch(const std::string& path, std::uint32_t events);
  void look_again_in(std::chrono::milliseconds interval);
  bool drain();

  const FifoOptions options_;
  const LogSink log_;
  const std::uint32_t more_events_;
  const bool makes_;
  core::Readiness* readiness_ = nullptr;
  bool armed_ = false;
  core::UniqueFd events_;  // inotify
  core::UniqueFd timer_;
  int handle_ = -1;  // of the FIFO in use
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::optional<Clock::time_point> missing_since_;
  bool complained_ = false;
};

}  // namespace fifomq::fifo
