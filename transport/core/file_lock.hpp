// An open file as a lock (flock(2)) that one process has at a time; the kernel takes it back when
// that process is gone.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/unique_fd.hpp"

namespace fifomq::core {

// Takes the lock until the description is closed. Throws Error (in_use), with the other one's
// process id behind `what` and `rule` behind that.
void lock_file(const UniqueFd& file, const std::string& endpoint, const std::string& what,
               const std::string& rule);

// Who has that lock, from /proc/locks; 0 if it does not say.
pid_t lock_owner(const UniqueFd& file);

}  // namespace fifomq::core
