// Every size has a class with room for it, the smallest there is, and little is idle.
#include "size_class.hpp"

#include <gtest/gtest.h>

namespace fifomq::zeromq {
namespace {

TEST(SizeClass, EachSizeGetsTheSmallestClassThatHolds) {
  std::uint16_t before = 0;
  for (std::size_t bytes = 1; bytes <= kLargestKept; ++bytes) {
    const std::uint16_t size_class = size_class_of(bytes);
    ASSERT_GE(bytes_of_class(size_class), bytes);
    ASSERT_TRUE(size_class == 0 ||
                bytes_of_class(static_cast<std::uint16_t>(size_class - 1)) < bytes)
        << bytes;
    ASSERT_LE(size_class - before, 1) << bytes;
    before = size_class;
  }
}

TEST(SizeClass, AtMostAQuarterIsIdle) {
  for (std::size_t bytes = kSmallestKept; bytes <= kLargestKept; ++bytes) {
    ASSERT_LE(bytes_of_class(size_class_of(bytes)), bytes + bytes / 4) << bytes;
  }
}

}  // namespace
}  // namespace fifomq::zeromq
