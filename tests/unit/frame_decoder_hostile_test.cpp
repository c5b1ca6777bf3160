// Streams made to cost time and memory. If the work grew faster than the stream, these would run
// into their time limit. What stands behind the hostile part arrives all the same.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/frame_decoder.hpp"
#include "decoder_driver.hpp"
#include "support/live_memory.hpp"
#include "support/sanitized.hpp"
#include "support/wire.hpp"

namespace fifomq {
namespace {

using test::checked_frame;
using test::kMiB;

constexpr std::size_t kSize = (test::kSanitized ? 2 : 16) * kMiB;
constexpr std::size_t kPiece = 65'536;

// `unit(i)` again and again, up to kSize bytes.
std::string repeated(const std::function<std::string(std::size_t at)>& unit) {
  std::string stream;
  while (stream.size() < kSize) stream += unit(stream.size());
  return stream;
}

// A frame's front that claims to end `size` bytes behind its own start.
std::string claim(std::size_t size, bool checked) {
  const std::string check = checked ? "\x15" + test::word(std::uint32_t{0x1234'5678}) : "";
  const std::size_t length_bytes = test::varint(size).size();
  const std::size_t body = size - length_bytes;
  const std::size_t front = core::kFrameBeginning.size() + check.size() + 1;
  std::size_t payload = body - front - test::varint(body - front).size();
  if (front + test::varint(payload).size() + payload < body) ++payload;
  return test::varint(body) + std::string(core::kFrameBeginning) + check + test::tag(15, 2) +
         test::varint(payload);
}

struct Hostile {
  const char* name;
  std::function<std::string()> stream;

  friend void PrintTo(const Hostile& hostile, std::ostream* out) {  // NOLINT: GoogleTest's name
    *out << hostile.name;
  }
};

// All claims end at the same place, are over when the stream is, or end one behind the other.
std::string same_end(bool checked) {
  return repeated([=](std::size_t at) { return claim(kSize + 2'000 - at, checked); });
}
std::string same_size(std::size_t size, bool checked) {
  return repeated([=](std::size_t) { return claim(size, checked); });
}

std::vector<Hostile> streams() {
  return {
      {"beginnings_only",
       [] { return repeated([](auto) { return std::string(core::kFrameBeginning); }); }},
      {"beginnings_with_lengths",
       [] { return repeated([](auto) { return "\x7F" + std::string(core::kFrameBeginning); }); }},
      {"unchecked_to_one_end", [] { return same_end(false); }},
      {"checked_to_one_end", [] { return same_end(true); }},
      {"unchecked_of_a_mebibyte", [] { return same_size(kMiB, false); }},
      {"checked_of_a_mebibyte", [] { return same_size(kMiB, true); }},
      {"unchecked_of_many_mebibytes", [] { return same_size(60 * kMiB, false); }},
      {"checked_of_many_mebibytes", [] { return same_size(60 * kMiB, true); }},
      {"good_ones_between_claims",
       [] {
         return repeated(
             [](auto) { return claim(kMiB, true) + checked_frame("x") + claim(kMiB, false); });
       }},
      {"checked_claims_inside_an_unchecked_one",
       [] { return claim(kSize, false) + same_size(200'000, true); }},
      {"every_field_again_and_again",
       [] {
         return claim(kSize, false).substr(0, 4) + std::string(core::kFrameBeginning) +
                repeated([](auto) { return test::varint_field(4, 1); });
       }},
      {"fragments_of_ever_new_streams",
       [] {
         return repeated([](std::size_t at) {
           return test::fragment_frame(
               {.stream = static_cast<std::uint32_t>(at + 1), .total = 9'000}, "a");
         });
       }},
      {"lengths_without_end", [] { return std::string(kSize, '\xFF'); }},
  };
}

// How many messages come out whose payload is `wanted`. Keeps none of them.
std::uint64_t feed(core::FrameDecoder& decoder, std::string_view stream, std::string_view wanted) {
  std::uint64_t found = 0;
  MessageView message;
  for (; !stream.empty(); stream.remove_prefix(std::min(kPiece, stream.size()))) {
    const std::string_view piece = stream.substr(0, kPiece);
    std::ranges::copy(as_byte_view(piece), decoder.room(piece.size()).begin());
    decoder.filled(piece.size());
    while (decoder.next(message)) found += as_text(message.payload) == wanted ? 1 : 0;
    EXPECT_TRUE(decoder.counters().balanced());
  }
  decoder.finish();
  while (decoder.next(message)) found += as_text(message.payload) == wanted ? 1 : 0;
  EXPECT_TRUE(decoder.counters().balanced());
  return found;
}

class FrameDecoderHostile : public testing::TestWithParam<Hostile> {};

TEST_P(FrameDecoderHostile, CostsNoMoreThanItsSize) {
  const std::string good = checked_frame("behind");
  const std::string stream = GetParam().stream() + good + good + good;
  const std::size_t before = test::live_bytes();
  test::reset_peak();
  core::FrameDecoder decoder{{}};
  EXPECT_EQ(feed(decoder, stream, "behind"), 3U);
  // What a claim may still make a frame of is held, in a buffer that doubles as it grows.
  EXPECT_LT(test::peak_bytes() - before, 4 * kSize + 8 * kMiB);
}

INSTANTIATE_TEST_SUITE_P(Each, FrameDecoderHostile, testing::ValuesIn(streams()),
                         [](const auto& named) { return std::string(named.param.name); });

// A claim without a checksum does not hold up good frames for longer than it takes to see one.
TEST(FrameDecoderHostileDelay, GoodFramesBehindManyClaimsDoNotWait) {
  core::FrameDecoder decoder{{}};
  test::DecoderDriver driver(decoder);
  for (int i = 0; i < 1'000; ++i) driver.give(claim(60 * kMiB, false));
  driver.give(checked_frame("at once"));
  EXPECT_EQ(driver.payloads(), (std::vector<std::string>{"at once"}));
}

}  // namespace
}  // namespace fifomq
