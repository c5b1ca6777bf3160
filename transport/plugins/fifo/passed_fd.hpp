// FIFOs whose descriptors the service manager has passed to this process (sd_listen_fds(3)), so
// that it holds what waits in them while the service is not there; or whoever else started it.
#pragma once

#include <sys/stat.h>

#include "core/unique_fd.hpp"
#include "fifo_options.hpp"

namespace fifomq::fifo {

// A handle (O_PATH) on the FIFO that fd= means: a name that the service manager gave, the path of a
// FIFO of which it passed a descriptor, or the number of any descriptor of this process. The
// descriptor itself stays open, and goes to no child. Throws Error: not_found, wrong_type.
core::UniqueFd locate_passed(const FifoOptions& options);

// A passed descriptor of that FIFO is kept from children.
void keep_from_children(const struct stat& fifo);

}  // namespace fifomq::fifo
