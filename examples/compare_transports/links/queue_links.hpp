// The other queues that a user would consider, each with its default settings. Those that need a
// library are there when it was found while building.
#pragma once

#include <cstddef>
#include <memory>

#include "links/link.hpp"

namespace compare {

std::unique_ptr<Link> make_seqpacket_link(const Place& place);
bool seqpacket_carries(std::size_t message_bytes);

std::unique_ptr<Link> make_posix_mq_link(const Place& place);
bool posix_mq_carries(std::size_t message_bytes);

std::unique_ptr<Link> make_nng_link(const Place& place);
std::unique_ptr<Link> make_nanomsg_link(const Place& place);
std::unique_ptr<Link> make_boost_link(const Place& place);

}  // namespace compare
