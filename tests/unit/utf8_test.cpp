#include "core/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fifomq {
namespace {

// As RFC 3629 builds it, without regard to whether the code point may be written.
std::string encode(unsigned point, int bytes) {
  const auto trail = [point](int shift) {
    return static_cast<char>(0x80 | ((point >> shift) & 0x3F));
  };
  switch (bytes) {
    case 1:
      return {static_cast<char>(point)};
    case 2:
      return {static_cast<char>(0xC0 | (point >> 6)), trail(0)};
    case 3:
      return {static_cast<char>(0xE0 | (point >> 12)), trail(6), trail(0)};
    default:
      return {static_cast<char>(0xF0 | (point >> 18)), trail(12), trail(6), trail(0)};
  }
}

int shortest(unsigned point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

bool may_be_written(unsigned point, int bytes) {
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return bytes == shortest(point) && !surrogate && point <= 0x10FFFF;
}

// Every way to put any number into 1 to 4 bytes: overlong forms, surrogates and what is beyond
// Unicode included.
TEST(Utf8, EveryNumberInEveryLength) {
  for (const auto& [bytes, end] :
       {std::pair{1, 0x80U}, {2, 0x800U}, {3, 0x10000U}, {4, 0x200000U}}) {
    for (unsigned point = 0; point < end; ++point) {
      const std::string text = encode(point, bytes);
      ASSERT_EQ(core::is_utf8(text), may_be_written(point, bytes)) << bytes << " bytes " << point;
    }
  }
}

// What is valid is counted, so nothing else can have passed: text of up to three bytes is made of
// 128 one-byte, 1920 two-byte and 61440 three-byte characters.
TEST(Utf8, EveryTextOfUpToThreeBytes) {
  EXPECT_TRUE(core::is_utf8(""));
  constexpr std::size_t kOne = 128;
  constexpr std::size_t kTwo = 1920;
  constexpr std::size_t kThree = 61'440;
  std::size_t valid_two = 0;
  std::size_t valid_three = 0;
  std::string text(3, '\0');
  for (unsigned bytes = 0; bytes < 1U << 24; ++bytes) {
    text[0] = static_cast<char>(bytes >> 16);
    text[1] = static_cast<char>(bytes >> 8);
    text[2] = static_cast<char>(bytes);
    if (text[2] == 0 && core::is_utf8(std::string_view(text).substr(0, 2))) ++valid_two;
    if (core::is_utf8(text)) ++valid_three;
  }
  EXPECT_EQ(valid_two, kOne * kOne + kTwo);
  EXPECT_EQ(valid_three, kOne * kOne * kOne + 2 * kOne * kTwo + kThree);
}

TEST(Utf8, CutAndMixed) {
  const std::string four = encode(0x1F600, 4);
  for (std::size_t size = 1; size < four.size(); ++size) {
    EXPECT_FALSE(core::is_utf8(four.substr(0, size)));
    EXPECT_FALSE(core::is_utf8(four.substr(size)));
    EXPECT_FALSE(core::is_utf8(four.substr(0, size) + "a" + four.substr(size)));
  }
  EXPECT_TRUE(core::is_utf8("a" + four + four + "b" + encode(0x20AC, 3)));
  for (unsigned lead = 0xF5; lead <= 0xFF; ++lead) {
    EXPECT_FALSE(core::is_utf8(static_cast<char>(lead) + std::string("\x80\x80\x80\x80\x80")));
  }
}

}  // namespace
}  // namespace fifomq
