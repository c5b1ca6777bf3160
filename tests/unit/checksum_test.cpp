// The checksum in steps, shifted, and of parts of a moving window, against the one that goes over
// every byte.
#include "core/checksum.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/checksum_index.hpp"
#include "support/random.hpp"

namespace fifomq {
namespace {

TEST(Checksum, InStepsAsAtOnce) {
  test::Random random;
  const std::string text = random.bytes(1'000);
  const ByteView bytes = as_byte_view(text);
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    const std::uint32_t first = core::crc_extend(core::kCrcStart, bytes.first(at));
    ASSERT_EQ(core::crc_finish(core::crc_extend(first, bytes.subspan(at))), core::crc32c(bytes));
  }
}

TEST(Checksum, ShiftIsSoManyZeroBytes) {
  test::Random random;
  const std::string zeros(100'000, '\0');
  for (int round = 0; round < 200; ++round) {
    const auto state = static_cast<std::uint32_t>(random.between(0, 0xFFFF'FFFF));
    const auto count = random.between(0, zeros.size());
    ASSERT_EQ(core::crc_shift(state, count),
              core::crc_extend(state, as_byte_view(zeros).first(count)));
  }
}

// Any parts of a window that moves on, also parts that lie before or behind what was asked for
// last.
TEST(ChecksumIndex, AnyPartOfAMovingWindow) {
  test::Random random;
  for (int round = 0; round < 50; ++round) {
    const std::string stream = random.bytes(random.between(1, 200'000));
    core::ChecksumIndex index;
    std::size_t begin = 0;
    std::size_t end = random.between(0, stream.size());
    for (int asked = 0; asked < 100; ++asked) {
      const ByteView window = as_byte_view(stream).subspan(begin, end - begin);
      const auto from = random.between(0, window.size());
      const auto to = random.between(from, window.size());
      ASSERT_EQ(index.crc32c(window, begin, from, to),
                core::crc32c(window.subspan(from, to - from)))
          << "window from " << begin << " to " << end << ", part from " << from << " to " << to;
      if (random.one_in(3)) begin += random.between(0, (end - begin) / 4);
      if (random.one_in(3)) end += random.between(0, stream.size() - end);
    }
  }
}

}  // namespace
}  // namespace fifomq
