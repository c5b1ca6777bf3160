// What is wanted cannot be had now: room on the disk, a descriptor, memory. An end of a spool waits
// until it can, loses nothing meanwhile, and says so once each time.
#pragma once

#include <string>
#include <utility>

#include <fifomq/log.hpp>

#include "file_watch.hpp"

namespace fifomq::spool {

class Shortage {
 public:
  // `watch` outlives this: no event tells when it is over.
  Shortage(FileWatch& watch, std::string endpoint, LogSink log)
      : watch_(watch), endpoint_(std::move(endpoint)), log_(std::move(log)) {}

  // Whether what failed with that errno may succeed later.
  static bool is_cause(int error) noexcept;

  // With such an errno. It may have begun already.
  void begin(int error) noexcept;
  void end() noexcept {
    if (lasts_) tell_end();
  }

 private:
  void tell_end() noexcept;

  FileWatch& watch_;
  const std::string endpoint_;
  const LogSink log_;
  bool lasts_ = false;
  bool is_of_room_ = false;  // on the disk
};

}  // namespace fifomq::spool
