// How far a spool has been written, as its receiver is told. Each telling is a write and wakes who
// waits, so under load it is told once in a while, and not for each message.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "state_file.hpp"

namespace fifomq::spool {

class WrittenMark {
 public:
  // So much later at most is told what follows closely on what was told last.
  static constexpr std::chrono::microseconds kMoment{200};

  enum class Tell { now, soon };

  // `file` outlives the mark.
  explicit WrittenMark(StateFile& file) : file_(file) {}

  // True when from now on somebody has to call tell_if_due(). The receiver finds what is in the
  // segments in any case, so an error here loses nothing.
  bool move_to(const StateFile::State& state, Tell when);
  void tell();
  // How long it is until there is something to tell; nothing where all has been told.
  std::optional<std::chrono::nanoseconds> tell_if_due();

 private:
  void save();

  StateFile& file_;
  std::mutex mutex_;
  StateFile::State state_;
  bool owes_ = false;
  std::chrono::steady_clock::time_point next_{};  // not before that
};

}  // namespace fifomq::spool
