// Where the library reports what nobody asked it: damage, loss, a feature that is missing here.
// Without a sink it is silent; counters count all the same.
#pragma once

#include <functional>
#include <string_view>

namespace fifomq {

// How much it matters.
enum class LogLevel {
  info,     // all is as it was asked for
  warning,  // for somebody to look into
};

// Called on the thread that uses the channel, or on one that the channel has itself: it bears calls
// from several threads. Must not call back into the channel, and must not throw.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace fifomq
