// What a channel end can do beyond the rules that every one keeps. Conformance cases ask for these,
// and `fifomq transports` prints them.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace fifomq {

// Each is a promise, and false promises nothing.
struct Capabilities {
  bool carries_origin = false;   // topic, type, writer and sequence arrive with the payload
  bool sequenced = false;        // keeps a writer's order for a single receiver: gaps mean loss
  bool back_pressure = false;    // full makes the sender wait; nothing is dropped
  bool sees_peer = false;        // send tells an absent peer (no_peer) from a full one (timed_out)
  bool waits_for_peer = false;   // what was sent stays for the next receiver when one dies
  bool fork_safe = false;        // parent and child may both go on after fork()
  bool explicit_commit = false;  // uncommitted messages come again after a crash
  bool acknowledges = false;     // settled() counts what the far end has taken over
  // What is not committed (receiving), or is settled (sending), is still there after this machine's
  // power has failed.
  bool survives_power_loss = false;
};

// Every capability with its name, in the order above.
inline constexpr auto kCapabilityNames =
    std::to_array<std::pair<std::string_view, bool Capabilities::*>>({
        {"carries_origin", &Capabilities::carries_origin},
        {"sequenced", &Capabilities::sequenced},
        {"back_pressure", &Capabilities::back_pressure},
        {"sees_peer", &Capabilities::sees_peer},
        {"waits_for_peer", &Capabilities::waits_for_peer},
        {"fork_safe", &Capabilities::fork_safe},
        {"explicit_commit", &Capabilities::explicit_commit},
        {"acknowledges", &Capabilities::acknowledges},
        {"survives_power_loss", &Capabilities::survives_power_loss},
    });

}  // namespace fifomq
