// A transport whose channels break the contract now and then, as a plan says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <fifomq/transport.hpp>

namespace fifomq::test {

enum class Fault {
  drop,       // send says `sent`, and the message is gone
  delay,      // a call that runs into its deadline returns long after it
  duplicate,  // receive gives a message twice
  shorten,    // receive gives a payload without its last byte
  error,      // a call throws where nothing is there, which is a value
  swap,       // send says timed_out for no_peer, and no_peer for timed_out
};

struct FaultPlan {
  Fault fault;
  std::uint64_t every;  // 1: at each opportunity; 3: at each third one
};

// "drop:7": every seventh one. Nothing for an empty text. Throws std::invalid_argument for another.
std::optional<FaultPlan> parse_fault_plan(std::string_view text);

// What `transport` opens, with faults.
std::unique_ptr<Transport> with_faults(std::unique_ptr<Transport> transport, FaultPlan plan);

}  // namespace fifomq::test
