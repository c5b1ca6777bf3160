#include "shortage.hpp"

#include <cerrno>

#include "core/posix.hpp"
#include "core/say.hpp"

namespace fifomq::spool {
namespace {

bool means_full(int error) noexcept { return error == ENOSPC || error == EDQUOT; }

}  // namespace

bool Shortage::is_cause(int error) noexcept { return means_full(error) || core::is_used_up(error); }

void Shortage::begin(int error) noexcept {
  if (lasts_ && is_of_room_ == means_full(error)) return;
  lasts_ = true;
  is_of_room_ = means_full(error);
  watch_.await_more(true);
  core::say(log_, LogLevel::warning,
            {endpoint_,
             is_of_room_ ? ": the disk is full; nothing more is taken before there is room, and "
                           "nothing is lost"
                         : ": no descriptor is left, or no memory; it goes on when there is, and "
                           "nothing is lost"});
}

void Shortage::tell_end() noexcept {
  lasts_ = false;
  watch_.await_more(false);
  core::say(log_, LogLevel::info,
            {endpoint_, is_of_room_ ? ": there is room on the disk again"
                                    : ": there are descriptors and memory again"});
}

}  // namespace fifomq::spool
