#include "core/checksum_index.hpp"

#include "core/checksum.hpp"

namespace fifomq::core {

std::uint32_t ChecksumIndex::crc32c(ByteView window, std::uint64_t position, std::size_t from,
                                    std::size_t to) {
  const std::uint64_t begin = position + from;
  const std::uint64_t end = position + to;
  reach(window, position, end);
  const std::uint64_t first = begin <= first_mark_ ? 0 : (begin - first_mark_ - 1) / kBlock + 1;
  const std::uint64_t last = end < first_mark_ ? 0 : (end - first_mark_) / kBlock;
  if (end < first_mark_ || first >= last) {
    return core::crc32c(window.subspan(from, to - from));
  }
  const auto offset = [&](std::uint64_t mark) {
    return static_cast<std::size_t>(first_mark_ + mark * kBlock - position);
  };
  std::uint32_t state = crc_extend(kCrcStart, window.subspan(from, offset(first) - from));
  state = crc_shift(state ^ marks_[first], (last - first) * kBlock) ^ marks_[last];
  return crc_finish(crc_extend(state, window.subspan(offset(last), to - offset(last))));
}

// Marks up to the last one that is not behind `end`; those before the window are let go.
void ChecksumIndex::reach(ByteView window, std::uint64_t position, std::uint64_t end) {
  while (!marks_.empty() && first_mark_ < position) {
    marks_.pop_front();
    first_mark_ += kBlock;
  }
  if (marks_.empty()) {
    first_mark_ = position;
    marks_.push_back(0);
  }
  for (std::uint64_t last = first_mark_ + (marks_.size() - 1) * kBlock; last + kBlock <= end;
       last += kBlock) {
    marks_.push_back(crc_extend(marks_.back(), window.subspan(last - position, kBlock)));
  }
}

}  // namespace fifomq::core
