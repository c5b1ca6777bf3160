#pragma once

#include <string>

#include <fifomq/message.hpp>

namespace fifomq::core {

// RFC 4648, section 4.
std::string base64(ByteView bytes);

}  // namespace fifomq::core
