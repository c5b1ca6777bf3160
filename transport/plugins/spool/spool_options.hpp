// What an endpoint `spool:DIR?...` says.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include <fifomq/transport.hpp>

namespace fifomq::spool {

// When what was sent is settled, and when it is on the disk.
enum class Sync {
  always,    // settled once it is on the disk
  interval,  // settled once the kernel has it, and on the disk a while later
  never,     // settled once the kernel has it, which writes it when it sees fit
};

struct SpoolOptions {
  std::string endpoint;  // as it was given, for errors
  std::string path;      // of the folder
  std::uint64_t size_bytes = std::uint64_t{1} << 30;
  Sync sync = Sync::always;
  std::chrono::nanoseconds interval{0};  // of Sync::interval
  std::uint64_t max_message = 0;         // bytes of payload
};

std::span<const OptionInfo> option_infos();

// What `sync=` leaves of what a spool can do.
Capabilities as_synced(Capabilities capabilities, const SpoolOptions& options);

// Throws Error.
SpoolOptions parse_options(const Endpoint& endpoint);

}  // namespace fifomq::spool
