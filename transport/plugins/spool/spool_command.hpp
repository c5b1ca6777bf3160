// What spools add to the program: `fifomq spool DIR`.
#pragma once

#include <span>

#include <fifomq/transport.hpp>

namespace fifomq::spool {

std::span<const CommandInfo> command_infos();

}  // namespace fifomq::spool
