// FIFO -> `fifomq bridge` -> ZeroMQ, with a spool between or without.
#pragma once

#include <memory>
#include <string>

#include "links/link.hpp"

namespace compare {

enum class BridgeReceiver {
  bare_pull,  // libzmq alone, which knows nothing of the bridge
  channel,    // the library's
};

struct BridgeWay {
  BridgeReceiver receiver = BridgeReceiver::channel;
  std::string sends = "zmq+push";  // scheme at the bridge
  std::string receives = "zmq+pull";
  std::string options{};        // of the bridge's sending endpoint, such as "batch=64KiB"
  std::string spool_options{};  // a spool stands between, if there are any
};

std::unique_ptr<Link> make_bridge_link(const Place& place, const BridgeWay& way);

// `fifomq` beside this program; empty when it is not there.
std::string bridge_program();

}  // namespace compare
