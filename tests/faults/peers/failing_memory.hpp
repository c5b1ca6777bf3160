// Memory that ends at a chosen moment. Linking failing_memory.cpp replaces the global operator new
// and delete, and mmap.
#pragma once

#include <cstdint>

namespace faults {

// The nth request from now on finds no memory, those of all threads counted together; 0: none does.
void fail_allocation(std::uint64_t nth);
// Whether it has come to that.
bool has_failed();
// How many blocks of operator new are in use.
std::int64_t live_blocks();

}  // namespace faults
