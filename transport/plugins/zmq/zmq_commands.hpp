// What ZeroMQ adds to the program: `fifomq keygen`.
#pragma once

#include <span>

#include <fifomq/transport.hpp>

namespace fifomq::zeromq {

std::span<const CommandInfo> command_infos();

}  // namespace fifomq::zeromq
