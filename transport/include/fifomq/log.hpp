// Where the library reports what nobody asked it: damage, loss, a feature that is missing here.
// Without a sink it is silent; counters count all the same.
#pragma once

#include <functional>
#include <string_view>

namespace fifomq {

enum class LogLevel { info, warning };

// Called on the thread that uses the channel; must not call back into it, and must not throw.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace fifomq
