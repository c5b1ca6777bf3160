// The way to a FIFO: who else may lead it somewhere else, or put another FIFO in its place.
//
// A path is followed one folder at a time, each by the handle of the one before, so that what was
// checked is what is used. Not left to sysctls: fs.protected_fifos and fs.protected_symlinks are
// settings of the machine, and hold in some folders only.
#pragma once

#include <sys/stat.h>

#include "core/unique_fd.hpp"
#include "fifo_options.hpp"

namespace fifomq::fifo {

struct Folder {
  core::UniqueFd handle;  // O_PATH
  std::string name;       // of the FIFO in it
  bool shared = false;    // anybody may make files here, as in /tmp
};

// The folder that holds, or is to hold, the FIFO. Unless trust=any, refuses a symbolic link on the
// way that belongs to neither root nor the caller, and a folder in which anybody may rename what is
// not his. Throws Error: not_found, permission_denied.
Folder find_folder(const FifoOptions& options);

// In a shared folder, unless trust=any: refuses a FIFO of somebody else than root or the caller,
// and one that more people may write to than create= says. Throws Error (permission_denied).
void check_owner(const struct stat& fifo, const Folder& folder, const FifoOptions& options);

}  // namespace fifomq::fifo
