// Endpoints as people write them, and the errors they read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <fifomq/endpoint.hpp>
#include <fifomq/error.hpp>

namespace fifomq {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

std::string refusal(std::string_view text) {
  try {
    Endpoint::parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::invalid_endpoint);
    EXPECT_EQ(error.endpoint(), text);
    return error.what();
  }
  return "";
}

TEST(Endpoint, SchemeAndAddress) {
  const Endpoint endpoint = Endpoint::parse("zmq+push:@tcp://127.0.0.1:5555");
  EXPECT_EQ(endpoint.text(), "zmq+push:@tcp://127.0.0.1:5555");
  EXPECT_EQ(endpoint.scheme(), "zmq+push");
  EXPECT_EQ(endpoint.address(), "@tcp://127.0.0.1:5555");
  EXPECT_TRUE(endpoint.options().empty());
}

TEST(Endpoint, WithoutAnAddress) {
  EXPECT_EQ(Endpoint::parse("-").scheme(), "-");
  EXPECT_EQ(Endpoint::parse("-").address(), "");
  EXPECT_EQ(Endpoint::parse("memory:").address(), "");
  EXPECT_EQ(Endpoint::parse("-?format=json").options(), (Options{{"format", "json"}}));
}

TEST(Endpoint, OptionsInTheirOrder) {
  const Endpoint endpoint = Endpoint::parse("s:a?b=1&a=2&c=");
  EXPECT_EQ(endpoint.address(), "a");
  EXPECT_EQ(endpoint.options(), (Options{{"b", "1"}, {"a", "2"}, {"c", ""}}));
  EXPECT_TRUE(Endpoint::parse("s:a?").options().empty());
  EXPECT_EQ(Endpoint::parse("s:a?k=v=w?x:y").options(), (Options{{"k", "v=w?x:y"}}));
}

TEST(Endpoint, PercentStandsForAByte) {
  const Endpoint endpoint = Endpoint::parse("s:a%3fb%25%C3%A4?k=%26%3D&l=%20");
  EXPECT_EQ(endpoint.address(), "a?b%\xC3\xA4");
  EXPECT_EQ(endpoint.options(), (Options{{"k", "&="}, {"l", " "}}));
  EXPECT_EQ(endpoint.text(), "s:a%3fb%25%C3%A4?k=%26%3D&l=%20");
}

TEST(Endpoint, WhatIsNone) {
  for (const char* text :
       {"", ":", ":a", "/a/path", "Fifo:/a", "a b:c", "?k=v", "./x", "a_b:c", "f\xC3\xBC:x"}) {
    EXPECT_EQ(refusal(text), (*text == '\0' ? "" : std::string(text) + ": ") +
                                 "this is no endpoint; one is written SCHEME:ADDRESS"
                                 "[?KEY=VALUE&...] [invalid_endpoint]");
  }
}

TEST(Endpoint, AByteOfValueZeroIsRefused) {
  for (const std::string_view text : {std::string_view("s:a\0b", 5),
                                      std::string_view("s:a?k=\0", 7), std::string_view("\0", 1)}) {
    EXPECT_THAT(refusal(std::string(text)), testing::HasSubstr("it holds a byte of value zero"));
  }
}

TEST(Endpoint, BrokenPercentSigns) {
  for (const char* text : {"s:%", "s:%2", "s:%zz", "s:%2g", "s:%-1", "s:%+1", "s:% 1", "s:%00",
                           "s:a?k=%", "s:a?k=%4"}) {
    EXPECT_THAT(refusal(text),
                testing::HasSubstr("stands for no byte; a percent sign itself is %25"))
        << text;
  }
}

TEST(Endpoint, BrokenOptions) {
  EXPECT_EQ(refusal("s:a?k"), "s:a?k: option 'k' is not of the form KEY=VALUE [invalid_endpoint]");
  EXPECT_THAT(refusal("s:a?=v"), testing::HasSubstr("option '=v'"));
  EXPECT_THAT(refusal("s:a?k=v&&l=w"), testing::HasSubstr("option ''"));
  EXPECT_THAT(refusal("s:a?k=v&l=w&k=x"), testing::HasSubstr("option 'k' is given twice"));
}

TEST(Error, TextSaysWhereWhatAndWhich) {
  const Error error(Errc::in_use, "fifo:/x", "in use by pid 7");
  EXPECT_STREQ(error.what(), "fifo:/x: in use by pid 7 [in_use]");
  EXPECT_EQ(error.errc(), Errc::in_use);
  EXPECT_EQ(error.code(), Errc::in_use);
  EXPECT_EQ(error.endpoint(), "fifo:/x");
  EXPECT_EQ(&error.code().category(), &error_category());
  EXPECT_STREQ(error.code().category().name(), "fifomq");
  EXPECT_EQ(error.code().message(), "in_use");
  EXPECT_STREQ(Error(Errc::full, "", "no room").what(), "no room [full]");
}

TEST(Error, IsCaughtAsASystemError) { EXPECT_THROW(Endpoint::parse(""), std::system_error); }

}  // namespace
}  // namespace fifomq
