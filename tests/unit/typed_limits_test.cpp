// Depth, and what else is a limit rather than damage.
#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <fifomq/typed.hpp>

#include "support/typed_differential.hpp"
#include "support/wire.hpp"
#include "typed_messages.hpp"

namespace fifomq {
namespace {

using test::bytes_field;
using test::refusal;
using test::tag;
using test::varint;
using test::v1::OldSet;
using test::v1::Sample;

// `depth` messages, each in field `number` of the one around it.
std::string nested(unsigned number, std::size_t depth) {
  std::vector<std::string> heads;
  std::size_t inside = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    heads.push_back(tag(number, 2) + varint(inside));
    inside += heads.back().size();
  }
  std::string bytes;
  std::ranges::reverse(heads);
  for (const std::string& head : heads) bytes += head;
  return bytes;
}

std::string groups(unsigned number, std::size_t depth) {
  std::string bytes;
  for (std::size_t i = 0; i < depth; ++i) bytes += tag(number, 3);
  for (std::size_t i = 0; i < depth; ++i) bytes += tag(number, 4);
  return bytes;
}

// Each entry of the map is a level, and so is its value.
std::string nested_maps(std::size_t entries) {
  std::string bytes;
  for (std::size_t i = 0; i < entries; ++i) bytes = bytes_field(19, bytes_field(2, bytes));
  return bytes;
}

template <typename T>
std::optional<Errc> refusal_at(const std::string& payload, int depth) {
  T message;
  return refusal(payload, message, {.depth = depth});
}

struct Nesting {
  const char* name;
  std::string (*make)(std::size_t depth);
};

class TypedDepth : public testing::TestWithParam<Nesting> {
 protected:
  google::protobuf::LogSilencer silent_;
};

TEST_P(TypedDepth, AHundredAndNoMore) {
  for (const std::size_t depth : {0U, 1U, 98U, 99U, 100U}) {
    EXPECT_EQ(refusal_at<Sample>(GetParam().make(depth), 100), std::nullopt) << depth;
    EXPECT_EQ(test::disagreement<Sample>(GetParam().make(depth)), "") << depth;
  }
  for (const std::size_t depth : {101U, 102U, 1000U, 100'000U}) {
    EXPECT_EQ(refusal_at<Sample>(GetParam().make(depth), 100), Errc::over_decode_limit) << depth;
    EXPECT_EQ(test::disagreement<Sample>(GetParam().make(depth)), "") << depth;
  }
}

TEST_P(TypedDepth, IsWhatTheLimitsSay) {
  EXPECT_EQ(refusal_at<Sample>(GetParam().make(3), 3), std::nullopt);
  EXPECT_EQ(refusal_at<Sample>(GetParam().make(4), 3), Errc::over_decode_limit);
  EXPECT_EQ(refusal_at<Sample>(GetParam().make(0), 0), std::nullopt);
  EXPECT_EQ(refusal_at<Sample>(GetParam().make(1), 0), Errc::over_decode_limit);
  EXPECT_EQ(refusal_at<Sample>(GetParam().make(1), -1), Errc::over_decode_limit);
  EXPECT_EQ(refusal_at<Sample>(GetParam().make(101), 1'000'000), Errc::over_decode_limit);
}

INSTANTIATE_TEST_SUITE_P(
    Of, TypedDepth,
    testing::Values(Nesting{"messages", [](std::size_t depth) { return nested(9, depth); }},
                    Nesting{"repeated", [](std::size_t depth) { return nested(10, depth); }},
                    Nesting{"unknown_groups", [](std::size_t depth) { return groups(30, depth); }}),
    [](const auto& of) { return of.param.name; });

TEST(TypedLimits, MapEntriesAreLevelsToo) {
  const google::protobuf::LogSilencer silent;
  EXPECT_EQ(refusal_at<Sample>(nested_maps(50), 100), std::nullopt);
  EXPECT_EQ(test::disagreement<Sample>(nested_maps(50)), "");
  EXPECT_EQ(refusal_at<Sample>(nested_maps(51), 100), Errc::over_decode_limit);
  EXPECT_EQ(test::disagreement<Sample>(nested_maps(51)), "");
}

// A string in a string in a string is a string.
TEST(TypedLimits, BytesThatLookNestedAreNot) {
  Sample message;
  message.set_blob(nested(9, 1000));
  Sample read;
  EXPECT_EQ(refusal(message.SerializeAsString(), read, {}), std::nullopt);
  EXPECT_EQ(read.blob(), message.blob());
  EXPECT_EQ(refusal(bytes_field(30, nested(9, 1000)), read, {}), std::nullopt) << "unknown field";
}

TEST(TypedLimits, TheSentenceSaysWhich) {
  const auto sentence = [](const std::string& payload, const DecodeLimits& limits) {
    Sample message;
    try {
      decode({.payload = as_byte_view(payload),
              .type = "fifomq.test.v1.Sample",
              .origin = Origin{.writer = 7, .sequence = 9}},
             message, limits, "memory:here");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(sentence(nested(9, 6), {.depth = 5}),
            "memory:here: message 9 of writer 7 cannot be decoded as fifomq.test.v1.Sample: it "
            "holds messages inside each other, deeper than 5 [over_decode_limit]");
  EXPECT_EQ(sentence(bytes_field(10, ""), {.memory = 100}),
            "memory:here: message 9 of writer 7 cannot be decoded as fifomq.test.v1.Sample: its 2 "
            "bytes could take more than 100 bytes of memory once decoded [over_decode_limit]");
}

TEST(TypedLimits, AnUnknownWriterIsCalledThat) {
  Sample message;
  for (const std::optional<Origin> origin : {std::optional<Origin>(), std::optional(Origin{})}) {
    try {
      decode({.payload = as_byte_view("\x08"), .origin = origin}, message);
      ADD_FAILURE() << "it was taken";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::StartsWith("a message of an unknown writer cannot"));
    }
  }
}

// What the walk cannot judge is not decoded.
TEST(TypedLimits, MessageSetsAreUnsupported) {
  OldSet set;
  EXPECT_EQ(refusal("", set, {}), Errc::unsupported);
}

TEST(TypedLimits, AMessageOf2GiBIsNamedAsSuch) {
  EXPECT_EQ(typed::kMostSerialized, 2'147'483'647U);
  Sample message;
  const std::string byte("x");
  const ByteView too_long(as_byte_view(byte).data(), typed::kMostSerialized + 1);
  try {
    // Refused by its size alone; no byte of it is read.
    decode({.payload = too_long}, message);
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::over_decode_limit);
    EXPECT_THAT(error.what(), testing::HasSubstr("are more than Protobuf can decode"));
  }
}

}  // namespace
}  // namespace fifomq
