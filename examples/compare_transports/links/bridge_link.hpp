// FIFO -> `fifomq bridge` -> ZeroMQ.
#pragma once

#include <memory>
#include <string>

#include "links/link.hpp"

namespace compare {

enum class BridgeReceiver {
  bare_pull,  // libzmq alone, which knows nothing of the bridge
  channel,    // the library's, which takes batches apart
};

// `options` belong to the bridge's sending endpoint, such as "batch=64KiB".
std::unique_ptr<Link> make_bridge_link(const Place& place, BridgeReceiver receiver,
                                       const std::string& options = "");

// `fifomq` beside this program; empty when it is not there.
std::string bridge_program();

}  // namespace compare
