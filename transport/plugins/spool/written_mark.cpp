#include "written_mark.hpp"

#include <utility>

namespace fifomq::spool {

using Clock = std::chrono::steady_clock;

bool WrittenMark::move_to(const StateFile::State& state, Tell when) {
  const std::lock_guard lock(mutex_);
  state_ = state;
  const bool owed = std::exchange(owes_, true);
  if (when == Tell::soon && Clock::now() < next_) return !owed;
  save();
  return false;
}

void WrittenMark::tell() {
  const std::lock_guard lock(mutex_);
  if (owes_) save();
}

std::optional<std::chrono::nanoseconds> WrittenMark::tell_if_due() {
  const std::lock_guard lock(mutex_);
  if (!owes_) return std::nullopt;
  const auto now = Clock::now();
  if (now < next_) return next_ - now;
  save();
  return std::nullopt;
}

void WrittenMark::save() {
  static_cast<void>(file_.save(state_));
  owes_ = false;
  next_ = Clock::now() + kMoment;
}

}  // namespace fifomq::spool
