// Makes a channel end ready when another end has written to a file of the spool.
#pragma once

#include <string>
#include <utility>

#include "core/readiness.hpp"
#include "core/unique_fd.hpp"
#include "state_file.hpp"

namespace fifomq::spool {

class FileWatch {
 public:
  // Both outlive the watch.
  FileWatch(const StateFile& file, core::Readiness& readiness, std::string endpoint)
      : file_(file), readiness_(readiness), endpoint_(std::move(endpoint)) {}

  // From now on what is written makes it ready: inotify tells; without it, a timer asks for a look
  // every few milliseconds. Not done before somebody waits, since the kernel takes ten milliseconds
  // to forget what was watched last. What was written before needs a look. Throws Error.
  void arm() {
    if (!events_) begin();
  }
  // The same for who gives the descriptor out, and looks when it is ready: it is, if it was not
  // armed before.
  void arm_for_poll() {
    if (events_) return;
    begin();
    readiness_.signal();
  }
  // It is ready for what is written from now on: called before the last look.
  void drain() const noexcept;

 private:
  void begin();

  const StateFile& file_;
  core::Readiness& readiness_;
  const std::string endpoint_;
  core::UniqueFd events_;  // inotify, or a timer
};

}  // namespace fifomq::spool
