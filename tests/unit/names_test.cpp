// The names that stand in logs and errors: each value has one, and no two the same.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include <fifomq/channel.hpp>
#include <fifomq/error.hpp>

namespace fifomq {
namespace {

constexpr int kErrors = static_cast<int>(Errc::system_failure);

TEST(Names, OfErrors) {
  std::set<std::string> names;
  for (int value = 1; value <= kErrors; ++value) {
    const std::string name = error_name(static_cast<Errc>(value));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(error_category().message(value), name);
    EXPECT_EQ(make_error_code(static_cast<Errc>(value)).message(), name);
  }
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_STREQ(error_name(static_cast<Errc>(kErrors + 1)), "unknown") << "the last one is tested";
  EXPECT_STREQ(error_name(static_cast<Errc>(0)), "unknown");
}

// An Error is what std::system_error is elsewhere.
TEST(Names, OfTheCategory) {
  const std::error_code code = Errc::full;
  EXPECT_EQ(code, make_error_code(Errc::full));
  EXPECT_STREQ(code.category().name(), "fifomq");
  try {
    throw Error(Errc::not_found, "", "nothing is there");
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_STREQ(error.what(), "nothing is there [not_found]");
  }
}

TEST(Names, OfResults) {
  EXPECT_STREQ(to_string(SendResult::sent), "sent");
  EXPECT_STREQ(to_string(SendResult::dropped), "dropped");
  EXPECT_STREQ(to_string(SendResult::timed_out), "timed_out");
  EXPECT_STREQ(to_string(SendResult::no_peer), "no_peer");
  EXPECT_STREQ(to_string(SendResult::closed), "closed");
  EXPECT_STREQ(to_string(ReceiveResult::received), "received");
  EXPECT_STREQ(to_string(ReceiveResult::timed_out), "timed_out");
  EXPECT_STREQ(to_string(ReceiveResult::end_of_stream), "end_of_stream");
  EXPECT_STREQ(to_string(ReceiveResult::closed), "closed");
  // What a later version may answer.
  EXPECT_STREQ(to_string(static_cast<SendResult>(99)), "unknown");
  EXPECT_STREQ(to_string(static_cast<ReceiveResult>(99)), "unknown");
}

}  // namespace
}  // namespace fifomq
