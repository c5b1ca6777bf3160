// Our codec against the Protobuf runtime, both ways.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame.hpp"
#include "core/frame_encoder.hpp"
#include "frame.pb.h"
#include "support/random.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

namespace pb = google::protobuf;
using core::ParseStatus;
using test::Random;

constexpr int kRounds = 20'000;

std::string unknown_bytes(const v1::Frame& frame) {
  std::string bytes;
  EXPECT_TRUE(frame.GetReflection()->GetUnknownFields(frame).SerializeToString(&bytes));
  return bytes;
}

void add_unknown(Random& random, pb::UnknownFieldSet& fields) {
  const int number = random.one_in(2) ? static_cast<int>(random.between(13, 14))
                                      : static_cast<int>(random.between(16, 536'870'911));
  switch (random.between(0, 3)) {
    case 0:
      return fields.AddVarint(number, random.any_magnitude());
    case 1:
      return fields.AddFixed32(number, static_cast<std::uint32_t>(random.any_magnitude()));
    case 2:
      return fields.AddFixed64(number, random.any_magnitude());
    default:
      return fields.AddLengthDelimited(number, random.bytes(random.between(0, 100)));
  }
}

v1::Frame random_frame(Random& random) {
  v1::Frame frame;
  frame.set_sync(core::kSync);
  const auto sometimes = [&random] { return random.one_in(2); };
  if (sometimes()) frame.set_writer(random.any_magnitude());
  if (sometimes()) frame.set_sequence(random.any_magnitude());
  if (sometimes()) frame.set_topic(random.letters(random.between(0, core::kMaxTopicBytes)));
  if (sometimes()) frame.set_type(random.letters(random.between(0, core::kMaxTypeBytes)));
  if (sometimes()) frame.set_sent_unix_nanos(random.any_magnitude());
  if (sometimes()) frame.set_hops(static_cast<std::uint32_t>(random.any_magnitude()));
  if (sometimes()) frame.set_payload(random.bytes(random.between(0, 5000)));
  if (sometimes()) {
    frame.set_stream(static_cast<std::uint32_t>(random.between(1, 0xFFFF'FFFF)));
    frame.set_fragment_of(random.any_magnitude() | 1);
    frame.set_offset(random.between(0, std::uint64_t{1} << 40));
    frame.set_total_size(frame.offset() + frame.payload().size() +
                         random.between(1, std::uint64_t{1} << 40));
  }
  for (auto left = random.between(0, 4); left > 0; --left) {
    add_unknown(random, *frame.GetReflection()->MutableUnknownFields(&frame));
  }
  return frame;
}

core::Frame to_ours(const v1::Frame& frame, const std::string& unknown) {
  return {.writer = frame.writer(),
          .sequence = frame.sequence(),
          .topic = frame.topic(),
          .type = frame.type(),
          .sent_unix_nanos = frame.sent_unix_nanos(),
          .hops = frame.hops(),
          .stream = frame.stream(),
          .fragment_of = frame.fragment_of(),
          .total_size = frame.total_size(),
          .offset = frame.offset(),
          .payload = as_byte_view(frame.payload()),
          .unknown_fields = as_byte_view(unknown)};
}

void expect_same(const core::Frame& ours, const v1::Frame& theirs) {
  EXPECT_EQ(ours.writer, theirs.writer());
  EXPECT_EQ(ours.sequence, theirs.sequence());
  EXPECT_EQ(ours.topic, theirs.topic());
  EXPECT_EQ(ours.type, theirs.type());
  EXPECT_EQ(ours.sent_unix_nanos, theirs.sent_unix_nanos());
  EXPECT_EQ(ours.hops, theirs.hops());
  EXPECT_EQ(ours.stream, theirs.stream());
  EXPECT_EQ(ours.fragment_of, theirs.fragment_of());
  EXPECT_EQ(ours.total_size, theirs.total_size());
  EXPECT_EQ(ours.offset, theirs.offset());
  EXPECT_EQ(as_text(ours.payload), theirs.payload());
  EXPECT_EQ(as_text(ours.unknown_fields), unknown_bytes(theirs));
}

struct Parsed {
  ParseStatus status{};
  core::Frame frame;
  std::string unknown;
};

void parse(const std::string& body, Parsed& parsed) {
  parsed.status = core::parse_body(as_byte_view(body), parsed.frame, parsed.unknown);
}

TEST(CodecProtobuf, RuntimeReadsWhatWeWrite) {
  Random random;
  for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
    const v1::Frame wanted = random_frame(random);
    const std::string unknown = unknown_bytes(wanted);
    const std::string body = test::body_of(to_ours(wanted, unknown));
    v1::Frame read;
    ASSERT_TRUE(read.ParseFromString(body)) << "round " << round;
    EXPECT_EQ(read.sync(), core::kSync);
    EXPECT_EQ(read.crc32c(), core::crc32c(as_byte_view(body).subspan(10)));
    expect_same(to_ours(wanted, unknown), read);
    Parsed again;
    parse(body, again);
    ASSERT_EQ(again.status, ParseStatus::parsed) << "round " << round;
    EXPECT_TRUE(again.frame.checked);
    expect_same(again.frame, wanted);
  }
}

TEST(CodecProtobuf, WeReadWhatTheRuntimeWrites) {
  Random random;
  for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
    v1::Frame written = random_frame(random);
    const bool checked = random.one_in(2);
    if (checked) written.set_crc32c(1);
    std::string body = written.SerializeAsString();
    if (checked) {
      const std::string check = test::word(core::crc32c(as_byte_view(body).subspan(10)));
      body.replace(6, check.size(), check);
    }
    Parsed parsed;
    parse(body, parsed);
    ASSERT_EQ(parsed.status, ParseStatus::parsed) << "round " << round;
    EXPECT_EQ(parsed.frame.checked, checked);
    expect_same(parsed.frame, written);
  }
}

TEST(CodecProtobuf, DelimitedReaderReadsTheStream) {
  core::FrameEncoder encoder;
  std::string stream;
  const std::vector<std::string> payloads{"", "one", std::string(4000, 'x'),
                                          std::string(100'000, 'y')};
  for (const std::string& payload : payloads) {
    ASSERT_TRUE(encoder.begin({.payload = as_byte_view(payload), .topic = "t"}));
    for (ByteView piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
      stream += as_text(piece);
    }
  }
  pb::io::ArrayInputStream input(stream.data(), static_cast<int>(stream.size()));
  std::vector<std::string> read;
  v1::Frame frame;
  for (bool clean_end = false;; frame.Clear()) {
    if (!pb::util::ParseDelimitedFromZeroCopyStream(&frame, &input, &clean_end)) {
      EXPECT_TRUE(clean_end);
      break;
    }
    EXPECT_EQ(frame.sync(), core::kSync);
    EXPECT_EQ(frame.sequence() == 0, frame.offset() > 0) << "the origin is in the first fragment";
    EXPECT_EQ(frame.topic().empty(), frame.offset() > 0);
    if (frame.offset() == 0) read.emplace_back();
    read.back() += frame.payload();
  }
  EXPECT_EQ(read, payloads);
}

// Protobuf promises no order, and ours asks only that sync comes first and the checksum second.
TEST(CodecProtobuf, FieldsOutOfOrderMeanTheSame) {
  Random random;
  std::vector<std::string> fields{test::payload_field("payload"),
                                  test::bytes_field(5, "topic"),
                                  test::bytes_field(6, "pkg.Type"),
                                  test::varint_field(4, 77),
                                  test::varint(3 << 3 | 1) + test::word(std::uint64_t{99}),
                                  test::varint(7 << 3 | 1) + test::word(std::uint64_t{123'456'789}),
                                  test::varint_field(8, 3),
                                  test::varint_field(13, 5)};
  for (int round = 0; round < 200; ++round) {
    std::string all;
    for (std::size_t i = fields.size(); i > 0; --i) {
      std::swap(fields[i - 1], fields[random.between(0, i - 1)]);
      all += fields[i - 1];
    }
    for (const std::string& body : {test::checked_body(all), test::unchecked_body(all)}) {
      v1::Frame theirs;
      ASSERT_TRUE(theirs.ParseFromString(body));
      Parsed ours;
      parse(body, ours);
      ASSERT_EQ(ours.status, ParseStatus::parsed);
      expect_same(ours.frame, theirs);
      EXPECT_EQ(ours.frame.sequence, 77U);
      EXPECT_EQ(ours.frame.payload.size(), 7U);
    }
  }
}

TEST(CodecProtobuf, TheLastOfARepeatedFieldWins) {
  const std::string body =
      test::unchecked_body(test::varint_field(4, 1) + test::payload_field("first") +
                           test::varint_field(4, 2) + test::payload_field("second"));
  v1::Frame theirs;
  ASSERT_TRUE(theirs.ParseFromString(body));
  Parsed ours;
  parse(body, ours);
  ASSERT_EQ(ours.status, ParseStatus::parsed);
  expect_same(ours.frame, theirs);
}

// Every way to write a number that the runtime takes; a hops value beyond 32 bits is cut by it.
TEST(CodecProtobuf, LongVarintsReadAlike) {
  const std::vector<std::string> numbers{std::string("\x81\x80\x00", 3),
                                         std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
                                         std::string("\x85\x80\x80\x80\x10")};
  for (const std::string& number : numbers) {
    for (const char tag : {'\x20', '\x40'}) {
      const std::string body = test::unchecked_body(tag + number);
      v1::Frame theirs;
      ASSERT_TRUE(theirs.ParseFromString(body));
      Parsed ours;
      parse(body, ours);
      ASSERT_EQ(ours.status, ParseStatus::parsed);
      expect_same(ours.frame, theirs);
    }
  }
}

}  // namespace
}  // namespace fifomq
