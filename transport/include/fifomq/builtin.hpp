// The transports that were built into this library.
#pragma once

#include <fifomq/transport.hpp>

namespace fifomq {

Registry builtin_transports();

}  // namespace fifomq
