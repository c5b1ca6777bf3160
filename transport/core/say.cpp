#include "core/say.hpp"

#include <new>
#include <string>

namespace fifomq::core {

void say(const LogSink& log, LogLevel level,
         std::initializer_list<std::string_view> parts) noexcept {
  if (!log) return;
  try {
    std::string sentence;
    for (const std::string_view part : parts) sentence += part;
    log(level, sentence);
  } catch (const std::bad_alloc&) {
    // What is counted, is counted all the same.
  }
}

}  // namespace fifomq::core
