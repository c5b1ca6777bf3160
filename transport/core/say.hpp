// A sentence for the log, said where something has been done that an exception would hide from the
// caller.
#pragma once

#include <initializer_list>
#include <string_view>

#include <fifomq/log.hpp>

namespace fifomq::core {

// The parts as one sentence, if there is a log. It is left out where there is no memory for it.
void say(const LogSink& log, LogLevel level,
         std::initializer_list<std::string_view> parts) noexcept;

}  // namespace fifomq::core
