// How much memory the C++ heap of this test program holds. Linking live_memory.cpp replaces the
// global operator new and delete.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fifomq::test {

std::size_t live_bytes();
std::size_t peak_bytes();
// How often this thread has asked for memory.
std::uint64_t allocations();
// The peak is counted afresh from what is live now.
void reset_peak();

}  // namespace fifomq::test
