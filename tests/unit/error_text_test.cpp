// An error's text goes to logs and terminals, and holds what others have written.
#include <gtest/gtest.h>

#include <string>

#include <fifomq/error.hpp>

namespace fifomq {
namespace {

std::string text_of(const std::string& sentence) {
  return Error(Errc::full, "s:a", sentence).what();
}

TEST(ErrorText, IsOneLineThatNoTerminalObeys) {
  EXPECT_EQ(text_of("a\nb\r\t\x1B[2J\x7F"), "s:a: a\\x0ab\\x0d\\x09\\x1b[2J\\x7f [full]");
  EXPECT_EQ(text_of(std::string("a\0b", 3)), "s:a: a\\x00b [full]");
  EXPECT_EQ(text_of("csi \xC2\x9B end \xC2\x85"), "s:a: csi \\xc2\\x9b end \\xc2\\x85 [full]");
}

TEST(ErrorText, KeepsWhatPeopleWrite) {
  EXPECT_EQ(text_of("f\xC3\xBCr 5 \xE2\x82\xAC \xC2\xA0"),
            "s:a: f\xC3\xBCr 5 \xE2\x82\xAC \xC2\xA0 [full]");
  EXPECT_EQ(text_of("a \\ and %0A"), "s:a: a \\ and %0A [full]");
}

TEST(ErrorText, IsUtf8) {
  EXPECT_EQ(text_of("\xFF"), "s:a: \\xff [full]");
  EXPECT_EQ(text_of("f\xC3\xBCr \xC3"), "s:a: f\\xc3\\xbcr \\xc3 [full]");
  EXPECT_EQ(text_of("\xC2"), "s:a: \\xc2 [full]");
}

TEST(ErrorText, TheEndpointItselfStaysAsItIs) {
  const Error error(Errc::not_found, "fifo:/a\nb", "it is not there");
  EXPECT_EQ(error.endpoint(), "fifo:/a\nb");
  EXPECT_STREQ(error.what(), "fifo:/a\\x0ab: it is not there [not_found]");
}

}  // namespace
}  // namespace fifomq
