// Small payloads that would become much: refused before anything is allocated, and what is decoded
// takes no more than was foreseen.
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <string>

#include <fifomq/builtin.hpp>
#include <fifomq/typed.hpp>

#include "support/live_memory.hpp"
#include "support/typed_differential.hpp"
#include "support/wire.hpp"
#include "typed_messages.hpp"

namespace fifomq {
namespace {

using test::bytes_field;
using test::kMiB;
using test::tag;
using test::varint;
using test::varint_field;
using test::v1::Required;
using test::v1::Sample;

constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 40;

std::string repeated(const std::string& piece, std::size_t bytes) {
  std::string all;
  all.reserve(bytes);
  while (all.size() + piece.size() <= bytes) all += piece;
  return all;
}

template <typename Make>
std::string numbered(std::size_t bytes, const Make& make) {
  std::string all;
  for (unsigned i = 0; all.size() < bytes; ++i) all += make(i);
  return all;
}

struct Attack {
  const char* name;
  std::string (*make)(std::size_t bytes);
};

template <typename T>
void expect_bounded(const std::string& payload) {
  // The most that malloc, the error and its text take beside what is decoded.
  constexpr std::size_t kSlack = 65'536;
  const auto peak_of = [&payload](std::uint64_t memory, std::optional<Errc>& refused) {
    T message;
    test::reset_peak();
    const std::size_t before = test::live_bytes();
    refused = test::refusal(payload, message, {.memory = memory});
    return test::peak_bytes() - before;
  };
  std::optional<Errc> refused;
  const std::size_t unlimited = peak_of(kNoLimit, refused);
  EXPECT_EQ(refused, std::nullopt);
  EXPECT_GT(unlimited, 4 * payload.size()) << "this is no attack";
  EXPECT_EQ(test::disagreement<T>(payload, {.memory = kNoLimit}), "");
  EXPECT_LT(peak_of(2 * payload.size(), refused), kSlack) << "something was allocated";
  EXPECT_EQ(refused, Errc::over_decode_limit);
  // How far the estimate is from what it stands for: a limit means something.
  typed::WireWalk walk(T::default_instance(), 100, kNoLimit);
  walk.walk(as_byte_view(payload));
  EXPECT_LT(walk.memory_bytes(), 12 * unlimited) << "nearly everything would be refused";
}

class TypedMemory : public testing::TestWithParam<Attack> {};

TEST_P(TypedMemory, IsBounded) { expect_bounded<Sample>(GetParam().make(kMiB)); }

INSTANTIATE_TEST_SUITE_P(
    Against, TypedMemory,
    testing::Values(
        Attack{"empty_submessages",
               [](std::size_t bytes) { return repeated(bytes_field(11, ""), bytes); }},
        Attack{"large_submessages",
               [](std::size_t bytes) { return repeated(bytes_field(10, ""), bytes); }},
        Attack{"empty_strings",
               [](std::size_t bytes) { return repeated(bytes_field(17, ""), bytes); }},
        Attack{"packed_numbers",
               [](std::size_t bytes) { return bytes_field(12, std::string(bytes, '\x01')); }},
        Attack{"numbers_in_many_messages",
               [](std::size_t bytes) {
                 return repeated(bytes_field(10, varint_field(16, 1) + varint_field(14, 1)), bytes);
               }},
        Attack{"unpacked_numbers",
               [](std::size_t bytes) { return repeated(varint_field(12, 1), bytes); }},
        Attack{"unknown_numbers",
               [](std::size_t bytes) { return repeated(varint_field(30, 1), bytes); }},
        Attack{"unknown_strings",
               [](std::size_t bytes) { return repeated(bytes_field(30, ""), bytes); }},
        Attack{"unknown_groups",
               [](std::size_t bytes) { return repeated(tag(30, 3) + tag(30, 4), bytes); }},
        Attack{"unknown_among_known",
               [](std::size_t bytes) {
                 return repeated(bytes_field(10, varint_field(30, 1)), bytes);
               }},
        Attack{"map_of_numbers",
               [](std::size_t bytes) {
                 return numbered(bytes, [](unsigned i) {
                   return bytes_field(18, bytes_field(1, varint(i % 128) + varint(i / 128 % 128) +
                                                             varint(i / 16'384)));
                 });
               }},
        Attack{"map_of_messages",
               [](std::size_t bytes) {
                 return numbered(bytes,
                                 [](unsigned i) { return bytes_field(19, varint_field(1, i)); });
               }}),
    [](const auto& against) { return against.param.name; });

TEST(TypedMemoryProto2, ValuesOutsideTheirEnum) {
  expect_bounded<Required>(bytes_field(1, "n") + bytes_field(3, std::string(kMiB, '\x09')));
}
TEST(TypedMemoryProto2, Groups) {
  expect_bounded<Required>(bytes_field(1, "n") +
                           repeated(tag(4, 3) + varint_field(1, 1) + tag(4, 4), kMiB));
}
TEST(TypedMemoryProto2, Extensions) {
  expect_bounded<Required>(
      bytes_field(1, "n") +
      repeated(bytes_field(6, bytes_field(1, "n") + varint_field(101, 1)), kMiB));
}

// Two bytes on the wire, and 64 MiB of them: what the default limit is for.
TEST(TypedMemoryDefault, StopsWhatMaxMessageLetsThrough) {
  const std::string payload = repeated(bytes_field(10, ""), 64 * kMiB);
  Sample message;
  test::reset_peak();
  const std::size_t before = test::live_bytes();
  EXPECT_EQ(test::refusal(payload, message, {}), Errc::over_decode_limit);
  EXPECT_LT(test::peak_bytes() - before, kMiB);
}

TEST(TypedMemoryDefault, LeavesRoomForHonestMessages) {
  Sample bytes;
  bytes.set_blob(std::string(64 * kMiB - 64, 'b'));
  Sample doubles;
  doubles.mutable_levels()->Resize(8 * kMiB - 8, 1.5);
  Sample numbers;
  numbers.mutable_numbers()->Resize(8 * kMiB, 1);
  Sample people;
  for (int i = 0; i < 200'000; ++i) people.add_children()->set_name("a name and a number");
  for (const Sample* sample : {&bytes, &doubles, &numbers, &people}) {
    const std::string payload = sample->SerializeAsString();
    Sample read;
    EXPECT_EQ(test::refusal(payload, read, {}), std::nullopt) << payload.size();
  }
}

// What one message had is not kept for the next one, or a receiver would grow with each new shape.
TEST(TypedMemoryDefault, NothingIsKeptFromOneMessageToTheNext) {
  Sample large;
  large.set_blob(std::string(kMiB, 'b'));
  for (int i = 0; i < 1000; ++i) large.add_children();
  Sample message;
  // What Protobuf allocates once for each type is not a message's.
  decode({.payload = as_byte_view(large.SerializeAsString())}, message);
  decode({}, message);
  const std::size_t before = test::live_bytes();
  decode({.payload = as_byte_view(large.SerializeAsString())}, message);
  EXPECT_GT(test::live_bytes(), before + kMiB);
  decode({}, message);
  EXPECT_LT(test::live_bytes(), before + 4096);
}

// A thread keeps its buffer for small messages, and gives back a large one.
TEST(TypedMemoryDefault, TheBufferOfASenderDoesNotStayLarge) {
  const Registry transports = builtin_transports();
  const auto receiver = transports.open_receiver("memory:typed_memory_test");
  const auto sender = transports.open_sender("memory:typed_memory_test");
  const auto soon = [] { return Deadline::after(std::chrono::seconds(30)); };
  const auto live_after = [&](std::size_t size) {
    Sample sample;
    sample.set_blob(std::string(size, 'b'));
    EXPECT_EQ(send(*sender, sample, soon()), SendResult::sent);
    EXPECT_EQ(receive(*receiver, sample, soon()), ReceiveResult::received);
    sample = Sample();
    return test::live_bytes();
  };
  live_after(1000);
  const std::size_t small = live_after(1000);
  EXPECT_GT(live_after(8 * kMiB), small + 4 * kMiB) << "the channel keeps the last message";
  EXPECT_LT(live_after(1000), small + kMiB);
}

}  // namespace
}  // namespace fifomq
