// Rule 5: what happens in normal service is a value; misuse and bad configuration are exceptions.
#include "conformance/fixture.hpp"

namespace fifomq::conformance {
namespace {

template <typename Call>
void expect_error(Errc code, const std::string& endpoint, std::string_view hint, Call call) {
  try {
    call();
    ADD_FAILURE() << endpoint << ": expected the error " << error_name(code);
  } catch (const std::system_error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), make_error_code(code)) << text;
    EXPECT_EQ(&error.code().category(), &error_category()) << text;
    EXPECT_NE(text.find(endpoint), std::string::npos) << text;
    EXPECT_NE(text.find(error_name(code)), std::string::npos) << text;
    EXPECT_NE(text.find(hint), std::string::npos) << text << "\n(expected: " << hint << ")";
  }
}

TEST_P(Conformance, Rule5NothingThereIsTimedOut) {
  open();
  must_receive_nothing();
  must_receive_nothing(milliseconds(20));
  must_send(0, 10);
  must_receive(0, 10);
  must_receive_nothing();
}

TEST_P(Conformance, Rule5WrongOptionsAreErrorsThatNameTheEndpoint) {
  const struct {
    const char* option;
    Errc code;
    const char* hint;
  } cases[] = {
      {"max_mesage=1KiB", Errc::unknown_option, "max_message"},
      {"max_message=banana", Errc::invalid_option, "banana"},
      {"max_message=", Errc::invalid_option, "max_message"},
  };
  for (const auto& [option, code, hint] : cases) {
    const std::string sender = with_option(link().sender, option);
    const std::string receiver = with_option(link().receiver, option);
    expect_error(code, sender, hint, [&] { registry().open_sender(sender); });
    expect_error(code, sender, hint, [&] { registry().check(sender, Direction::send); });
    expect_error(code, receiver, hint, [&] { registry().open_receiver(receiver); });
    expect_error(code, receiver, hint, [&] { registry().check(receiver, Direction::receive); });
  }
}

TEST_P(Conformance, Rule5AnErrorLeavesTheChannelUsable) {
  open();
  if (!carries_origin()) GTEST_SKIP() << "topics are not carried (Capabilities::carries_origin)";
  must_send(0, 10);
  for (const std::string& topic : {std::string(1025, 't'), std::string("not UTF-8: \xFF")}) {
    Message message = sample(1, 10);
    message.topic = topic;
    expect_error(Errc::not_representable, sender_->endpoint().text(), "cannot be sent",
                 [&] { sender_->send(message.view(), soon()); });
  }
  must_send(2, 10);
  must_receive(0, 10);
  must_receive(2, 10);
  must_receive_nothing();
}

}  // namespace
}  // namespace fifomq::conformance
