#include "fifo_commands.hpp"

#include <array>
#include <string>

#include <fifomq/error.hpp>

namespace fifomq::fifo {
namespace {

constexpr auto kPeekOptions =
    std::to_array<OptionInfo>({{"format", "text|json", "text", "how a message is printed"}});

constexpr auto kCommands = std::to_array<CommandInfo>({
    {"hold",
     "PATH",
     "keep what waits in a named pipe while no service has it open",
     {},
     run_hold,
     false},
    {"peek", "FROM", "show what waits in a named pipe, and take nothing", kPeekOptions, run_peek,
     true},
});

}  // namespace

std::span<const CommandInfo> command_infos() { return kCommands; }

FifoOptions command_options(const CommandCall& call) {
  const std::string& argument = call.argument;
  const std::string scheme = argument.substr(0, argument.find(':'));
  if (scheme == "fifo") return parse_options(Endpoint::parse(argument));
  if (scheme.size() < argument.size() && scheme.find('/') == std::string::npos) {
    throw Error(Errc::invalid_endpoint, argument, "this is for named pipes: PATH, or fifo:PATH");
  }
  return parse_options(Endpoint::parse("fifo:" + argument));
}

}  // namespace fifomq::fifo
