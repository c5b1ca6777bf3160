// What named pipes add to the program: `fifomq hold` and `fifomq peek`.
#pragma once

#include <span>

#include <fifomq/transport.hpp>

#include "fifo_options.hpp"

namespace fifomq::fifo {

std::span<const CommandInfo> command_infos();

// What the argument says: a path, or an endpoint with its options. Throws Error.
FifoOptions command_options(const CommandCall& call);

// Keeps the pipe, and with it what waits there, until SIGINT or SIGTERM.
int run_hold(const CommandCall& call);

// Shows the messages that wait, and takes none.
int run_peek(const CommandCall& call);

}  // namespace fifomq::fifo
