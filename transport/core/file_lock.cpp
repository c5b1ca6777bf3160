#include "core/file_lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <sstream>

#include "core/posix.hpp"

namespace fifomq::core {

void lock_file(const UniqueFd& file, const std::string& endpoint, const std::string& what,
               const std::string& rule) {
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno != EWOULDBLOCK) throw system_error(errno, endpoint, "lock " + what);
  const pid_t owner = lock_owner(file);
  throw Error(Errc::in_use, endpoint,
              what + " is in use by " +
                  (owner > 0 ? "pid " + std::to_string(owner) : "another process") + "; " + rule);
}

pid_t lock_owner(const UniqueFd& file) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return 0;
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%02x:%02x:%lu", major(status.st_dev), minor(status.st_dev),
           static_cast<unsigned long>(status.st_ino));
  std::istringstream locks(read_text("/proc/locks"));
  for (std::string line; std::getline(locks, line);) {
    std::istringstream fields(line);
    std::string number;
    std::string kind;
    std::string advisory;
    std::string access;
    pid_t pid = 0;
    std::string file_id;
    if (fields >> number >> kind >> advisory >> access >> pid >> file_id && kind == "FLOCK" &&
        file_id == wanted) {
      return pid;
    }
  }
  return 0;
}

}  // namespace fifomq::core
