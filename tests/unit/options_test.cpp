// Options, units, and what is said about those that are wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "core/option_reader.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"

namespace fifomq {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto kKnown = std::to_array<OptionInfo>({
    {"framing", core::kFramings, "frame", ""},
    core::kMaxMessageOption,
    core::kReassemblyMemoryOption,
    core::kFrameTimeoutOption,
    {"hwm", "N", "1000", ""},
});

class OptionsTest : public testing::Test {
 protected:
  // What `read` says about these options.
  template <typename Read>
  static std::string complaint(const std::string& options, Errc code, Read read) {
    const Endpoint endpoint = Endpoint::parse("s:a?" + options);
    try {
      read(core::OptionReader(endpoint, kKnown));
    } catch (const Error& error) {
      EXPECT_EQ(error.errc(), code);
      EXPECT_EQ(error.endpoint(), endpoint.text());
      return error.what();
    }
    return "nothing";
  }
};

TEST_F(OptionsTest, UnknownKeyNamesTheNearest) {
  const auto nothing = [](const core::OptionReader&) {};
  EXPECT_EQ(complaint("framng=line", Errc::unknown_option, nothing),
            "s:a?framng=line: unknown option 'framng'; did you mean 'framing'? [unknown_option]");
  EXPECT_THAT(complaint("max_mesage=1", Errc::unknown_option, nothing),
              HasSubstr("did you mean 'max_message'?"));
  EXPECT_THAT(complaint("zzzzzz=1", Errc::unknown_option, nothing),
              HasSubstr("unknown option 'zzzzzz'; known: framing, max_message, "
                        "reassembly_memory, frame_timeout, hwm"));
}

TEST_F(OptionsTest, ValuesAreRead) {
  const Endpoint endpoint =
      Endpoint::parse("s:a?framing=u32le&max_message=2KiB&frame_timeout=250ms&hwm=7");
  const core::OptionReader reader(endpoint, kKnown);
  EXPECT_EQ(reader.text("framing"), "u32le");
  EXPECT_EQ(reader.text("reassembly_memory"), std::nullopt);
  EXPECT_EQ(core::framing_option(reader, core::Framing::frame), core::Framing::u32le);
  EXPECT_EQ(reader.number("hwm", 1, 10), 7U);
  const core::DecoderLimits limits = core::limit_options(reader);
  EXPECT_EQ(limits.max_message, 2048U);
  EXPECT_EQ(limits.reassembly_memory, std::uint64_t{128} << 20);
  EXPECT_EQ(limits.frame_timeout, 250ms);
}

TEST_F(OptionsTest, FallbacksHoldWhereNothingIsGiven) {
  const Endpoint endpoint = Endpoint::parse("s:a");
  const core::OptionReader reader(endpoint, kKnown);
  EXPECT_EQ(core::framing_option(reader, core::Framing::line), core::Framing::line);
  EXPECT_EQ(reader.number("hwm", 42, 100), 42U);
  EXPECT_EQ(reader.size_bytes("max_message", 43), 43U);
  EXPECT_EQ(reader.duration("frame_timeout", 44ns), 44ns);
  EXPECT_EQ(core::limit_options(reader).max_message, std::uint64_t{64} << 20);
  EXPECT_EQ(core::limit_options(reader).frame_timeout, 5s);
}

TEST_F(OptionsTest, WrongValuesSayWhatIsRight) {
  const auto limits = [](const core::OptionReader& reader) { core::limit_options(reader); };
  EXPECT_EQ(complaint("max_message=64", Errc::invalid_option, limits),
            "s:a?max_message=64: option 'max_message' cannot be '64'; it takes a size with its "
            "unit, such as 64KiB or 1MiB [invalid_option]");
  EXPECT_THAT(complaint("max_message=3GiB", Errc::invalid_option, limits),
              HasSubstr("it takes at most 2GiB"));
  EXPECT_THAT(complaint("frame_timeout=5", Errc::invalid_option, limits),
              HasSubstr("a duration with its unit, such as 250ms or 5s"));
  EXPECT_THAT(complaint("framing=lines", Errc::invalid_option,
                        [](const core::OptionReader& reader) {
                          core::framing_option(reader, core::Framing::frame);
                        }),
              HasSubstr("it takes " + std::string(core::kFramings)));
  const auto hwm = [](const core::OptionReader& reader) { reader.number("hwm", 1, 1'000); };
  for (const char* wrong :
       {"hwm=", "hwm=1001", "hwm=-1", "hwm=1x", "hwm=1.5", "hwm=99999999999999999999"}) {
    EXPECT_THAT(complaint(wrong, Errc::invalid_option, hwm),
                HasSubstr("it takes a whole number from 0 to 1000"))
        << wrong;
  }
  EXPECT_EQ(complaint("hwm=1000", Errc::invalid_option, hwm), "nothing");
}

TEST(Units, Sizes) {
  const std::vector<std::pair<std::string, std::uint64_t>> right{
      {"0", 0},
      {"0B", 0},
      {"1B", 1},
      {"64KiB", 65'536},
      {"1MiB", 1'048'576},
      {"2GiB", std::uint64_t{1} << 31},
      {"1kB", 1'000},
      {"3MB", 3'000'000},
      {"4GB", 4'000'000'000},
      {"007B", 7},
      {"17179869183GiB", std::uint64_t{17'179'869'183} << 30},
      {"18446744073709551615B", ~std::uint64_t{0}}};
  for (const auto& [text, bytes] : right) EXPECT_EQ(core::parse_size_bytes(text), bytes) << text;
  for (const char* wrong :
       {"", "1", "B", "KiB", "1 KiB", " 1KiB", "1KiB ", "1kib", "1KB", "1M", "-1B", "+1B", "1.5MiB",
        "1MiB1", "0x1B", "18446744073709551616B", "17179869184GiB", "1TiB"}) {
    EXPECT_EQ(core::parse_size_bytes(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, Durations) {
  const std::vector<std::pair<std::string, std::chrono::nanoseconds>> right{
      {"0", 0ns}, {"1ns", 1ns},   {"50us", 50us}, {"250ms", 250ms},
      {"5s", 5s}, {"2min", 2min}, {"3h", 3h},     {"9223372036s", 9'223'372'036s}};
  for (const auto& [text, value] : right) EXPECT_EQ(core::parse_duration(text), value) << text;
  for (const char* wrong : {"", "1", "s", "1 s", "-1s", "1.5s", "1m", "1S", "1sec", "1d",
                            "9223372037s", "9223372036854775808ns", "18446744073709551615h"}) {
    EXPECT_EQ(core::parse_duration(wrong), std::nullopt) << wrong;
  }
}

TEST(Suggest, NearestByEditing) {
  const std::vector<std::string_view> known{"fifo", "zmq+push", "zmq+pull", "memory", "-"};
  EXPECT_EQ(core::nearest("fio", known), "fifo");
  EXPECT_EQ(core::nearest("ffio", known), "fifo");
  EXPECT_EQ(core::nearest("memroy", known), "memory");
  EXPECT_EQ(core::nearest("zmq+pushh", known), "zmq+push");
  EXPECT_EQ(core::nearest("zmq+pul", known), "zmq+pull");
  EXPECT_EQ(core::nearest("kafka", known), "");
  EXPECT_EQ(core::nearest("x", known), "") << "not every word is a typo of the shortest";
  EXPECT_EQ(core::nearest("", known), "");
  EXPECT_EQ(core::nearest("fifo", {}), "");
}

TEST(Suggest, Sentences) {
  const std::vector<std::string_view> known{"fifo", "memory"};
  EXPECT_EQ(core::suggestion("fifi", known), "; did you mean 'fifo'?");
  EXPECT_EQ(core::suggestion("kafkaesque", known), "; known: fifo, memory");
}

}  // namespace
}  // namespace fifomq
