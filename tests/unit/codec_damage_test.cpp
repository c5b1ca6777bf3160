// What the codec must not believe.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/checksum.hpp"
#include "core/frame.hpp"
#include "support/random.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using core::ParseStatus;
using test::bytes_field;
using test::payload_field;
using test::tag;
using test::unchecked_body;
using test::varint_field;

ParseStatus parse(std::string_view available, std::size_t size) {
  core::Frame frame;
  std::string unknown;
  return available.size() == size
             ? core::parse_body(as_byte_view(available), frame, unknown)
             : core::parse_fields(as_byte_view(available), size, frame, unknown).status;
}
ParseStatus parse(std::string_view body) { return parse(body, body.size()); }

core::Frame full_frame() {
  return {.writer = 0x0123'4567'89AB'CDEF,
          .sequence = 300,
          .topic = "topic/\xC3\xA4",
          .type = "pkg.Type",
          .sent_unix_nanos = 1'700'000'000'000'000'000,
          .hops = 2,
          .stream = 0xDEAD'BEEF,
          .fragment_of = 7,
          .total_size = 1000,
          .offset = 128,
          .payload = as_byte_view("the payload of it"),
          .unknown_fields = as_byte_view("\x68\x05")};
}

TEST(Checksum, KnownAnswers) {
  EXPECT_EQ(core::crc32c(as_byte_view("123456789")), 0xE3069283U);
  EXPECT_EQ(core::crc32c({}), 0U);
  EXPECT_EQ(core::crc32c(as_byte_view(std::string(32, '\0'))), 0x8A9136AAU);
  EXPECT_EQ(core::crc32c(as_byte_view(std::string(32, '\xFF'))), 0x62A8AB43U);
}

TEST(CodecDamage, EveryChangedByteOfACheckedFrameIsSeen) {
  const std::string body = test::body_of(full_frame());
  ASSERT_EQ(parse(body), ParseStatus::parsed);
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      std::string damaged = body;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ change);
      core::Frame frame;
      std::string unknown;
      const auto status = core::parse_body(as_byte_view(damaged), frame, unknown);
      // Another tag in the place of the checksum's makes a frame without one, which nothing speaks
      // against but its fields.
      if (at == 5 && status == ParseStatus::parsed) {
        EXPECT_FALSE(frame.checked) << "tag " << change;
        continue;
      }
      EXPECT_TRUE(status == ParseStatus::invalid || status == ParseStatus::wrong_check)
          << "byte " << at << " xor " << change;
    }
  }
}

TEST(CodecDamage, EveryTruncationIsRefusedOrIncomplete) {
  const std::string body = test::body_of(full_frame());
  for (std::size_t size = 0; size < body.size(); ++size) {
    const std::string_view front = std::string_view(body).substr(0, size);
    EXPECT_EQ(parse(front, body.size()), ParseStatus::incomplete) << size;
    const ParseStatus cut = parse(front);
    // The sync field alone is a frame: an empty message, unchecked.
    EXPECT_EQ(cut == ParseStatus::parsed, size == core::kFrameBeginning.size()) << size;
    EXPECT_NE(cut, ParseStatus::incomplete) << size;
  }
}

TEST(CodecDamage, LengthsThatLieAreRefusedAtOnce) {
  for (const std::uint64_t lie :
       {std::uint64_t{8}, std::uint64_t{0xFFFF'FFFF}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    for (const unsigned field : {5U, 6U, 13U, 15U, 99U}) {
      const std::string body =
          unchecked_body(test::varint(field << 3 | 2) + test::varint(lie) + "1234567");
      EXPECT_EQ(parse(body), ParseStatus::invalid) << field << " " << lie;
      // Nor is the rest of the body waited for.
      EXPECT_EQ(parse(std::string_view(body).substr(0, body.size() - 3), body.size()),
                ParseStatus::invalid)
          << field << " " << lie;
    }
  }
  EXPECT_EQ(parse(unchecked_body(payload_field("12345678"))), ParseStatus::parsed);
}

TEST(CodecDamage, StructuresThatAreNoFrame) {
  const std::string nine_more(9, '\xFF');
  const std::string stream = tag(9, 5) + test::word(7U);
  const std::string fragment = stream + varint_field(10, 1) + varint_field(11, 5);
  const std::vector<std::string> bodies{
      unchecked_body(varint_field(15, 1)),                            // payload as a number
      unchecked_body(core::kFrameBeginning),                          // sync again
      unchecked_body(varint_field(4, 1) + tag(2, 5) + "abcd"),        // checksum in third place
      unchecked_body(varint_field(0, 1)),                             // field 0
      unchecked_body(tag(13, 3) + tag(13, 4)),                        // a group
      unchecked_body(tag(13, 6)),                                     // no wire type
      unchecked_body(tag(4, 0) + nine_more + "\x02"),                 // more than 64 bits
      unchecked_body(tag(4, 0) + nine_more + "\xFF\x01"),             // eleven digits
      unchecked_body("\xF8\xFF\xFF\xFF\xFF\x01\x01"),                 // field number beyond 2^29
      unchecked_body(std::string("\xFA\x80\x80\x80\x80\0\1a", 8)),    // a key of six bytes
      unchecked_body(std::string("\x7A\x81\x80\x80\x80\x80\0a", 8)),  // a length of six bytes
      unchecked_body(bytes_field(5, "\xC0\x80")),                     // topic not UTF-8
      unchecked_body(bytes_field(6, "\xED\xA0\x80")),                 // type not UTF-8
      unchecked_body(bytes_field(5, std::string(1025, 'a'))),         // topic too long
      unchecked_body(bytes_field(6, std::string(1025, 'a'))),         // type too long
      unchecked_body(bytes_field(13, std::string(1022, 'a'))),       // 1025 bytes of unknown fields
      unchecked_body(varint_field(11, 5) + payload_field("12345")),  // total_size of no fragment
      unchecked_body(varint_field(12, 5)),                           // offset of no fragment
      unchecked_body(stream),                                        // stream of no fragment
      unchecked_body(varint_field(10, 1) + varint_field(11, 5)),     // fragment of no stream
      unchecked_body(stream + varint_field(10, 1)),                  // fragment of nothing
      unchecked_body(fragment + varint_field(12, 6)),                // begins behind the end
      unchecked_body(fragment + varint_field(12, 2) + payload_field("1234")),  // ends behind it
      unchecked_body(fragment + varint_field(12, ~std::uint64_t{0}) + payload_field("1")),  // wraps
      tag(2, 5) + test::word(0U) + std::string(core::kFrameBeginning),  // checksum first
      "",
  };
  for (const std::string& body : bodies) {
    EXPECT_EQ(parse(body), ParseStatus::invalid) << testing::PrintToString(body);
  }
}

TEST(CodecDamage, BoundsThatStillFit) {
  EXPECT_EQ(parse(unchecked_body(bytes_field(5, std::string(1024, 'a')))), ParseStatus::parsed);
  EXPECT_EQ(parse(unchecked_body(bytes_field(6, std::string(1024, 'a')))), ParseStatus::parsed);
  EXPECT_EQ(parse(unchecked_body(bytes_field(13, std::string(1021, 'a')))), ParseStatus::parsed);
  EXPECT_EQ(parse(unchecked_body("")), ParseStatus::parsed);
  EXPECT_EQ(parse(test::checked_body("")), ParseStatus::parsed);
}

TEST(CodecDamage, RandomBytesBehindTheBeginning) {
  test::Random random;
  for (int round = 0; round < 200'000; ++round) {
    const std::string body = unchecked_body(random.bytes(random.between(0, 40)));
    core::Frame frame;
    std::string unknown;
    const auto status = core::parse_body(as_byte_view(body), frame, unknown);
    ASSERT_NE(status, ParseStatus::incomplete);
    if (status != ParseStatus::parsed) continue;
    // What is believed lies inside the body.
    ASSERT_LE(frame.payload.size() + frame.topic.size() + frame.type.size(), body.size());
    ASSERT_EQ(parse(test::body_of(frame)), ParseStatus::parsed);
  }
}

TEST(Frame, WhatNoFrameCanCarryIsRefused) {
  const std::string fits(1024, 'a');
  const std::string too_long(1025, 'a');
  EXPECT_EQ(core::refusal({.topic = fits, .type = fits, .unknown_fields = as_byte_view(fits)}),
            nullptr);
  EXPECT_STREQ(core::refusal({.topic = too_long}), "its topic is longer than 1 KiB");
  EXPECT_STREQ(core::refusal({.type = too_long}), "its type name is longer than 1 KiB");
  EXPECT_STREQ(core::refusal({.unknown_fields = as_byte_view(too_long)}),
               "its fields of a later version are longer than 1 KiB");
  EXPECT_STREQ(core::refusal({.topic = "\xFF"}), "its topic is not UTF-8");
  EXPECT_STREQ(core::refusal({.type = "\xFF"}), "its type name is not UTF-8");
}

}  // namespace
}  // namespace fifomq
