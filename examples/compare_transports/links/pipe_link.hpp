// The floor: a pipe and nothing else. There is no framing; the receiver knows the size.
#pragma once

#include <cstddef>
#include <memory>

#include "links/link.hpp"

namespace compare {

enum class PipeWrites {
  per_message,  // one write for each message
  in_pages,     // messages collected, or cut, into writes of 4 KiB
  per_byte,     // as the byte counter does
};

enum class PipeWaits { blocking, spinning };

std::unique_ptr<Link> make_pipe_link(const Place& place, PipeWrites writes,
                                     PipeWaits waits = PipeWaits::blocking);

}  // namespace compare
