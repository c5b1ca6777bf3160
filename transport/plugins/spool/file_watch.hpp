// Makes a channel end ready when another end has written to a file of the spool.
#pragma once

#include <string>

#include "core/readiness.hpp"
#include "core/unique_fd.hpp"
#include "state_file.hpp"

namespace fifomq::spool {

class FileWatch {
 public:
  // Both outlive the watch. Throws Error.
  FileWatch(const StateFile& file, core::Readiness& readiness, const std::string& endpoint);

  // From now on what is written makes it ready: inotify tells; without it, a timer asks for a look
  // every few milliseconds. Not done before somebody waits, since the kernel takes ten milliseconds
  // to forget what was watched last. What was written before needs a look.
  void arm() {
    if (!events_) begin();
  }
  // The same for who gives the descriptor out, and looks when it is ready: it is, if it was not
  // armed before.
  void arm_for_poll() {
    if (events_) return;
    const bool was_armed = armed_;
    begin();
    if (!was_armed || events_) readiness_.signal();
  }
  // It is ready for what is written from now on: called before the last look.
  void drain() const noexcept;

  // Something is awaited of which no event tells: the timer asks for a look as well.
  void await_more(bool awaits) noexcept;

 private:
  void begin() noexcept;
  void set_timer() noexcept;

  const StateFile& file_;
  core::Readiness& readiness_;
  core::UniqueFd timer_;
  core::UniqueFd events_;  // inotify
  bool armed_ = false;
  bool awaits_more_ = false;
  bool ticks_ = false;
};

}  // namespace fifomq::spool
