// The errors that every sender's send() throws, in the same words.
#pragma once

#include <cstdint>

#include <fifomq/endpoint.hpp>
#include <fifomq/error.hpp>
#include <fifomq/message.hpp>

namespace fifomq::core {

// Throws Error (too_large) when the payload is over the limit.
void check_size(const MessageView& message, std::uint64_t limit, const Endpoint& endpoint);

Error not_representable(const char* why, const Endpoint& endpoint);

}  // namespace fifomq::core
