// Settings that are read anew while the bridge runs.
#pragma once

#include "settings.hpp"

namespace fifomq {

// Throws ConfigError where `fresh` says what a running bridge cannot take over: it would have to
// open its ends anew, and lose what it has in hand.
void check_reload(const BridgeSettings& running, const BridgeSettings& fresh);

}  // namespace fifomq
