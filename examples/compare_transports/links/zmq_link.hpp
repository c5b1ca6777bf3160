// Bare libzmq: PUSH and PULL with nothing around them.
#pragma once

#include <memory>
#include <string>

#include "links/link.hpp"

namespace compare {

// The receiver binds, the sender connects.
std::unique_ptr<Link> make_zmq_link(const Place& place, std::string address);

// `payload_bytes` at the end of each message are taken for the payload: what stands before it is
// the header that a bridge puts there.
std::unique_ptr<Source> open_zmq_source(const std::string& address, std::size_t payload_bytes);

}  // namespace compare
