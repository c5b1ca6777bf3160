#pragma once

#include <string>

#include <fifomq/message.hpp>

namespace fifomq::core {

// A sentence for the operator about bytes that are no frame where one should be, with the framing
// that would fit them if it can be told. `began`: a frame had begun there and was damaged.
std::string describe_foreign_stream(ByteView bytes, bool began);

}  // namespace fifomq::core
