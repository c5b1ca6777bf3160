// Rule 3: direction is a type.
#include <algorithm>

#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

template <typename T>
concept CanSend = requires(T& end, const MessageView& message) {
  end.send(message, Deadline::now());
};
template <typename T>
concept CanReceive = requires(T& end, MessageView& message) {
  end.receive(message, Deadline::now());
};
static_assert(CanSend<Sender> && !CanReceive<Sender>);
static_assert(CanReceive<Receiver> && !CanSend<Receiver>);

template <typename Open>
void expect_wrong_direction(const std::string& endpoint, Open open) {
  try {
    open();
    FAIL() << endpoint << " was opened in the direction that it does not have";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::wrong_direction) << error.what();
    EXPECT_EQ(error.endpoint(), endpoint);
  }
}

TEST_P(Conformance, Rule3TheDirectionsOfASchemeAreAccepted) {
  for (const std::string& endpoint : {link().sender, link().receiver}) {
    const SchemeInfo& scheme = registry().check(
        endpoint, endpoint == link().sender ? Direction::send : Direction::receive);
    EXPECT_EQ(scheme.name, Endpoint::parse(endpoint).scheme());
    if (scheme.sender) {
      EXPECT_NO_THROW(registry().check(endpoint, Direction::send)) << endpoint;
    }
    if (scheme.receiver) {
      EXPECT_NO_THROW(registry().check(endpoint, Direction::receive)) << endpoint;
    }
  }
}

TEST_P(Conformance, Rule3WrongDirectionIsRefused) {
  const auto schemes = registry().schemes();
  const auto scheme_of = [&](const std::string& endpoint) -> const SchemeInfo& {
    return *std::ranges::find(schemes, Endpoint::parse(endpoint).scheme(), &SchemeInfo::name);
  };
  const bool sender_receives = scheme_of(link().sender).receiver.has_value();
  const bool receiver_sends = scheme_of(link().receiver).sender.has_value();
  if (sender_receives && receiver_sends) GTEST_SKIP() << "this scheme goes both ways";
  if (!sender_receives) {
    const std::string& endpoint = link().sender;
    expect_wrong_direction(endpoint, [&] { registry().open_receiver(endpoint); });
    expect_wrong_direction(endpoint, [&] { registry().check(endpoint, Direction::receive); });
  }
  if (!receiver_sends) {
    const std::string& endpoint = link().receiver;
    expect_wrong_direction(endpoint, [&] { registry().open_sender(endpoint); });
    expect_wrong_direction(endpoint, [&] { registry().check(endpoint, Direction::send); });
  }
}

}  // namespace
}  // namespace fifomq::conformance
