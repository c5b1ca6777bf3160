// Checksums of any part of a window over a stream, at a cost that hardly depends on the part's
// size. Without it, a stream of many false beginnings that each claim the next 64 MiB would cost a
// pass over all of that for each of them.
//
// The window's bytes are gone over once, and the state of the checksum is kept at every block's
// end; a part's checksum follows from the states at its two ends and what lies between them and the
// next block.
#pragma once

#include <cstdint>
#include <deque>

#include <fifomq/message.hpp>

namespace fifomq::core {

class ChecksumIndex {
 public:
  // CRC-32C of window[from, to). `position` is where in the stream the window starts; from one call
  // to the next it never goes back, and bytes that stay in the window do not change.
  std::uint32_t crc32c(ByteView window, std::uint64_t position, std::size_t from, std::size_t to);

 private:
  static constexpr std::uint64_t kBlock = 4096;

  void reach(ByteView window, std::uint64_t position, std::uint64_t end);

  std::uint64_t first_mark_ = 0;  // where in the stream the first of them stands
  // States at first_mark_, first_mark_ + kBlock ..., of a checksum that began with state 0
  // somewhere before.
  std::deque<std::uint32_t> marks_;
};

}  // namespace fifomq::core
