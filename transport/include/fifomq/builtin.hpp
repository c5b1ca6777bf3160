// The transports that were built into this library.
#pragma once

#include <fifomq/export.hpp>
#include <fifomq/transport.hpp>

namespace fifomq {

// A new registry, whose channels share nothing inside this process with those of another one: a
// `memory:` name is another queue in each.
FIFOMQ_EXPORT Registry builtin_transports();

}  // namespace fifomq
