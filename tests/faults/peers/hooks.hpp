// The calls by which the library moves a pipe's bytes, replaced for the helpers' processes: to
// count what the pipe has taken, to die between two of them, and to read in small pieces.
#pragma once

#include <cstddef>
#include <cstdint>

#include "peers/records.hpp"

namespace faults {

// From now on what the pipe takes is added to `slot`.
void count_bytes_in(WriterSlot& slot);

// This process kills itself after so many more pieces that the pipe has taken.
void die_after_pieces(std::uint64_t pieces);

// A read from a pipe gets at most so many bytes; 0 for no such limit.
void limit_reads(std::size_t most);

}  // namespace faults
