// What an endpoint `fifo:PATH?...` says.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include "core/framing.hpp"

namespace fifomq::fifo {

struct FifoOptions {
  std::string endpoint;  // as it was given, for errors
  std::string path;
  core::Framing framing = core::Framing::frame;
  core::DecoderLimits limits;
  std::string topic;
  std::string passed;                   // fd=; empty: none
  std::optional<mode_t> create = 0600;  // absent: the FIFO must exist
  bool end_with_writers = false;        // eof=exit
  bool trusts_any = false;              // trust=any
  std::uint64_t capacity = 0;           // bytes; 0 = as it is
  std::optional<std::chrono::nanoseconds> coalesce;
  bool reuses_pages = false;  // pages=reused
  std::chrono::nanoseconds busy_poll{0};
};

std::span<const OptionInfo> option_infos();

// Throws Error.
FifoOptions parse_options(const Endpoint& endpoint);

}  // namespace fifomq::fifo
