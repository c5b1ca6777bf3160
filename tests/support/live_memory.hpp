// How much memory the C++ heap of this test program holds. Linking live_memory.cpp replaces the
// global operator new and delete.
#pragma once

#include <cstddef>

namespace fifomq::test {

std::size_t live_bytes();
std::size_t peak_bytes();
// The peak is counted afresh from what is live now.
void reset_peak();

}  // namespace fifomq::test
