// The FIFO behind a path: found or made, checked, and opened without ever waiting.
#pragma once

#include <sys/types.h>

#include <fifomq/log.hpp>

#include "core/unique_fd.hpp"
#include "fifo_options.hpp"

namespace fifomq::fifo {

// A handle (O_PATH) on the FIFO itself, so that what is opened later is what was checked now,
// whatever happens to the path. Makes the FIFO if it is missing and the options say so. Throws
// Error: not_found, wrong_type, permission_denied.
core::UniqueFd locate(const FifoOptions& options);

// The same, but a FIFO that is missing stays missing: an invalid handle.
core::UniqueFd locate_existing(const FifoOptions& options);

// Throws what locate() would throw, and makes nothing.
void check_path(const FifoOptions& options);

// Opens what `handle` stands for. An invalid result has its reason in errno: ENXIO for a writer
// that finds no reader.
core::UniqueFd open_located(const core::UniqueFd& handle, int flags);

// Makes `reader` the FIFO's only reader until its description is closed. Throws Error (in_use) with
// the other one's process id.
void lock_reader(const core::UniqueFd& reader, const FifoOptions& options);

// Gives the pipe the capacity that was asked for; warns with the real one when the system refuses.
void set_capacity(const core::UniqueFd& end, const FifoOptions& options, const LogSink& log);

}  // namespace fifomq::fifo
