// How long a test waits for what must come, on however slow a machine.
#pragma once

#include <chrono>

#include <fifomq/deadline.hpp>

namespace fifomq::test {

inline Deadline soon() { return Deadline::after(std::chrono::seconds(60)); }

}  // namespace fifomq::test
