// Damaged payloads: the runtime's answer is ours, whatever bytes come, and no memory is taken that
// was not foreseen.
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/sanitized.hpp"
#include "support/typed_differential.hpp"
#include "support/wire.hpp"
#include "typed_messages.hpp"

namespace fifomq {
namespace {

using test::bytes_field;
using test::disagreement;
using test::Random;
using test::tag;
using test::varint;
using test::varint_field;
using test::v1::Required;
using test::v1::Sample;

constexpr int kRounds = test::kSanitized ? 4'000 : 20'000;

class TypedDamage : public testing::Test {
 protected:
  // The runtime says on standard error what it refuses.
  google::protobuf::LogSilencer silent_;

  template <typename T>
  static void expect_agreement(const std::string& payload, const std::string& what) {
    EXPECT_EQ(disagreement<T>(payload), "") << what;
  }
  static void expect_agreement_of_both(const std::string& payload, const std::string& what) {
    expect_agreement<Sample>(payload, what);
    expect_agreement<Required>(payload, what);
  }
};

TEST_F(TypedDamage, WholeMessagesAreDecoded) {
  Sample sample;
  EXPECT_EQ(test::refusal(test::full_sample().SerializeAsString(), sample, {}), std::nullopt);
  EXPECT_EQ(test::canonical(sample), test::canonical(test::full_sample()));
  Required required;
  EXPECT_EQ(test::refusal(test::full_required().SerializeAsString(), required, {}), std::nullopt);
  EXPECT_EQ(test::canonical(required), test::canonical(test::full_required()));
}

TEST_F(TypedDamage, EveryTruncation) {
  const std::string sample = test::full_sample().SerializeAsString();
  for (std::size_t size = 0; size <= sample.size(); ++size) {
    expect_agreement<Sample>(sample.substr(0, size), "its first " + std::to_string(size));
  }
  const std::string required = test::full_required().SerializeAsString();
  for (std::size_t size = 0; size <= required.size(); ++size) {
    expect_agreement<Required>(required.substr(0, size), "its first " + std::to_string(size));
  }
}

TEST_F(TypedDamage, EveryFlippedBit) {
  const auto flip_each = [](const std::string& whole, const auto& check) {
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      check(flipped, "bit " + std::to_string(bit));
    }
  };
  flip_each(test::full_sample().SerializeAsString(), expect_agreement<Sample>);
  flip_each(test::full_required().SerializeAsString(), expect_agreement<Required>);
}

TEST_F(TypedDamage, AnyBytes) {
  Random random;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const std::string bytes = random.bytes(random.between(0, 40));
    expect_agreement_of_both(bytes, "round " + std::to_string(round));
  }
}

// Fields of any number and wire type, well-formed and nested at random: unlike random bytes, these
// mostly get through.
std::string any_fields(Random& random, int depth) {
  std::string bytes;
  for (auto left = random.between(0, 6); left > 0; --left) {
    const auto number = static_cast<unsigned>(random.between(1, random.one_in(4) ? 110 : 24));
    switch (random.between(0, depth > 0 ? 7 : 3)) {
      case 0:
        bytes +=
            varint_field(number, random.one_in(2) ? random.between(0, 9) : random.any_magnitude());
        break;
      case 1:
        bytes += tag(number, 1) + random.bytes(8);
        break;
      case 2:
        bytes += tag(number, 5) + random.bytes(4);
        break;
      case 3:
        bytes += bytes_field(number, random.letters(random.between(0, 70)));
        break;
      case 4:
        bytes += tag(number, 3) + any_fields(random, depth - 1) + tag(number, 4);
        break;
      default:
        bytes += bytes_field(number, any_fields(random, depth - 1));
    }
  }
  return bytes;
}

TEST_F(TypedDamage, AnyWellFormedFields) {
  Random random;
  int decoded = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const std::string bytes = any_fields(random, 4);
    expect_agreement_of_both(bytes, "round " + std::to_string(round));
    Sample sample;
    if (!test::refusal(bytes, sample, {})) ++decoded;
  }
  EXPECT_GT(decoded, kRounds / 20) << "most of what was tried was refused";
}

TEST_F(TypedDamage, WireFormatAtItsEdges) {
  const std::vector<std::string> payloads{
      std::string("\0", 1),                                       // field 0
      "\x0C",                                                     // an end without its group
      "\x0B\x14",                                                 // one group's end in another
      "\x0B",                                                     // a group without its end
      tag(4, 3) + "\x08\x01",                                     // the same, known
      bytes_field(9, tag(30, 3)) + tag(30, 4),                    // a group across a message's end
      tag(30, 3) + bytes_field(1, tag(30, 4)),                    // an end inside a string
      "\x0E",                                                     // wire type 6
      "\x0F",                                                     // wire type 7
      "\x18" + std::string(9, '\x80') + '\x01',                   // the longest number
      "\x18" + std::string(9, '\xFF') + '\x7F',                   // more than 64 bits
      "\x18" + std::string(10, '\x80') + '\x01',                  // eleven bytes
      "\x98\x80\x80\x80\x70\x01",                                 // a tag of more than 32 bits
      "\x98\x80\x80\x80\x80\x01",                                 // a tag of six bytes
      std::string("\x0A\x81\x80\x80\x80\x00x", 7),                // a length of five bytes
      std::string("\x0A\x81\x80\x80\x80\x80\x00x", 8),            // a length of six bytes
      "\x0A\xFF\xFF\xFF\xFF\x07",                                 // a length of 2 GiB
      "\x0A\xFF\xFF\xFF\xFF\x0F",                                 // a length of 4 GiB
      bytes_field(9, "\x0A\x7F") + std::string(127, 'x'),         // longer than what it is in
      bytes_field(13, "1234567"),                                 // not whole doubles
      bytes_field(12, "\x80"),                                    // a cut number in a packed field
      bytes_field(12, "") + bytes_field(12, ""),                  // packed nothing
      bytes_field(16, varint(1) + varint(2)),                     // packed, declared unpacked
      tag(13, 1) + std::string(8, '\0'),                          // unpacked, declared packed
      bytes_field(18, bytes_field(3, "x") + varint_field(2, 1)),  // a stranger in a map entry
      bytes_field(18, varint_field(1, 7)),                        // a map key written otherwise
      bytes_field(5, varint_field(2, 9)),                         // a map value outside its enum
  };
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    // With what is required in front, so that only the edge decides.
    expect_agreement<Sample>(payloads[i], "payload " + std::to_string(i));
    expect_agreement<Required>(bytes_field(1, "n") + payloads[i], "payload " + std::to_string(i));
  }
}

}  // namespace
}  // namespace fifomq
