// Typed messages over channels: what is set, what is checked, and what goes on after an error.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <type_traits>

#include <fifomq/builtin.hpp>
#include <fifomq/typed.hpp>

#include "conformance/suite.hpp"
#include "support/soon.hpp"
#include "typed_messages.hpp"

namespace fifomq {
namespace {

using google::protobuf::util::MessageDifferencer;
using test::full_sample;
using test::soon;
using test::v1::Other;
using test::v1::Required;
using test::v1::Sample;
using testing::AllOf;
using testing::HasSubstr;

// What a sender takes is any message; what a receiver fills is a class that protoc has made.
static_assert(GeneratedMessage<Sample> && GeneratedMessage<Required>);
static_assert(!GeneratedMessage<google::protobuf::Message> && !GeneratedMessage<std::string>);

class TypedChannel : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { open(""); }

  void open(const std::string& options) {
    sender_.reset();
    receiver_.reset();
    const bool is_path = GetParam() == "fifo";
    const std::string address = is_path ? folder_.path() + "/pipe" : "typed_channel_test";
    receiver_ = transports_.open_receiver(GetParam() + ":" + address + options);
    sender_ = transports_.open_sender(GetParam() + ":" + address + options);
  }

  void send_raw(std::string_view payload, std::string_view type) {
    ASSERT_EQ(sender_->send({.payload = as_byte_view(payload), .type = type}, soon()),
              SendResult::sent);
  }

  // The next message is the one that was sent after the refused one.
  void expect_next_arrives() {
    Sample next;
    next.set_name("the next one");
    ASSERT_EQ(send(*sender_, next, soon()), SendResult::sent);
    Sample read;
    ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
    EXPECT_EQ(read.name(), "the next one");
  }

  template <typename T>
  std::string refusal_of_next(Errc code) {
    T message;
    try {
      EXPECT_EQ(receive(*receiver_, message, soon()), ReceiveResult::received);
    } catch (const Error& error) {
      EXPECT_EQ(error.errc(), code) << error.what();
      EXPECT_EQ(error.endpoint(), receiver_->endpoint().text());
      EXPECT_EQ(message.ByteSizeLong(), 0U) << "an error changes nothing";
      return error.what();
    }
    ADD_FAILURE() << "it was taken";
    return "";
  }

  const conformance::TemporaryFolder folder_;
  const Registry transports_ = builtin_transports();
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<Sender> sender_;
};

TEST_P(TypedChannel, RoundTrip) {
  const Sample sent = full_sample();
  ASSERT_EQ(send(*sender_, sent, soon()), SendResult::sent);
  ASSERT_EQ(send(*sender_, Sample(), soon()), SendResult::sent);
  Sample read;
  ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
  EXPECT_TRUE(MessageDifferencer::Equals(read, sent)) << read.DebugString();
  ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
  EXPECT_TRUE(MessageDifferencer::Equals(read, Sample())) << "nothing of the last one is left";
}

TEST_P(TypedChannel, Proto2RoundTrip) {
  const Required sent = test::full_required();
  ASSERT_EQ(send(*sender_, sent, soon()), SendResult::sent);
  Required read;
  ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
  EXPECT_TRUE(MessageDifferencer::Equals(read, sent)) << read.DebugString();
}

TEST_P(TypedChannel, TypeTopicAndPayloadAreThoseOfTheMessage) {
  const Sample sent = full_sample();
  ASSERT_EQ(send(*sender_, sent, soon(), "a/topic"), SendResult::sent);
  MessageView view;
  ASSERT_EQ(receiver_->receive(view, soon()), ReceiveResult::received);
  EXPECT_EQ(view.type, "fifomq.test.v1.Sample");
  EXPECT_EQ(view.topic, "a/topic");
  Sample read;
  ASSERT_TRUE(read.ParseFromString(std::string(as_text(view.payload))));
  EXPECT_TRUE(MessageDifferencer::Equals(read, sent));
}

// A buffer serves one message after another, also after a larger one.
TEST_P(TypedChannel, SizesGoUpAndDown) {
  for (const std::size_t size : {10'000U, 0U, 3'000'000U, 5U, 20'000U, 1U}) {
    Sample sent;
    sent.set_blob(std::string(size, 'b'));
    SendResult result{};
    std::jthread sending([&] { result = send(*sender_, sent, soon()); });
    Sample read;
    ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
    sending.join();
    EXPECT_EQ(result, SendResult::sent);
    EXPECT_TRUE(MessageDifferencer::Equals(read, sent)) << size;
  }
}

TEST_P(TypedChannel, SeveralTypesByTheirNames) {
  Other other;
  other.set_name("o");
  ASSERT_EQ(send(*sender_, other, soon()), SendResult::sent);
  ASSERT_EQ(send(*sender_, full_sample(), soon()), SendResult::sent);
  MessageView view;
  ASSERT_EQ(receiver_->receive(view, soon()), ReceiveResult::received);
  ASSERT_EQ(view.type, Other::descriptor()->full_name());
  Other read_other;
  decode(view, read_other);
  EXPECT_EQ(read_other.name(), "o");
  ASSERT_EQ(receiver_->receive(view, soon()), ReceiveResult::received);
  ASSERT_EQ(view.type, Sample::descriptor()->full_name());
  Sample read_sample;
  decode(view, read_sample);
  EXPECT_TRUE(MessageDifferencer::Equals(read_sample, full_sample()));
}

TEST_P(TypedChannel, AnotherTypeIsAnErrorThatNamesBoth) {
  Other other;
  other.set_name("o");
  ASSERT_EQ(send(*sender_, other, soon()), SendResult::sent);
  EXPECT_THAT(refusal_of_next<Sample>(Errc::other_message_type),
              AllOf(testing::StartsWith(receiver_->endpoint().text() + ": message 1 of writer "),
                    testing::EndsWith(" is a fifomq.test.v1.Other, where a fifomq.test.v1.Sample is"
                                      " expected [other_message_type]")));
  expect_next_arrives();
}

TEST_P(TypedChannel, ATypeIsComparedWhole) {
  for (const char* type : {"fifomq.test.v1.Sampl", "fifomq.test.v1.Sample2", "Sample",
                           "type.googleapis.com/fifomq.test.v1.Sample"}) {
    send_raw("", type);
    refusal_of_next<Sample>(Errc::other_message_type);
  }
  expect_next_arrives();
}

TEST_P(TypedChannel, WithoutATypeThePayloadDecides) {
  send_raw(full_sample().SerializeAsString(), "");
  Sample read;
  ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
  EXPECT_TRUE(MessageDifferencer::Equals(read, full_sample()));
  send_raw("this is no sample", "");
  EXPECT_THAT(refusal_of_next<Sample>(Errc::undecodable),
              HasSubstr("its 17 bytes, which came without a type, are damaged"));
  expect_next_arrives();
}

TEST_P(TypedChannel, DamageIsAnErrorThatNamesTheMessage) {
  send_raw("\x0A\x05gone", "fifomq.test.v1.Sample");
  EXPECT_THAT(refusal_of_next<Sample>(Errc::undecodable),
              AllOf(HasSubstr(": message 1 of writer "),
                    HasSubstr(" cannot be decoded as fifomq.test.v1.Sample: its 6 bytes are "
                              "damaged")));
  expect_next_arrives();
}

TEST_P(TypedChannel, AStringThatIsNotUtf8IsAnError) {
  send_raw("\x0A\x01\xFF", "fifomq.test.v1.Sample");
  EXPECT_THAT(refusal_of_next<Sample>(Errc::undecodable), HasSubstr("not UTF-8"));
  expect_next_arrives();
}

TEST_P(TypedChannel, AMissingRequiredFieldIsNamed) {
  send_raw("", "fifomq.test.v1.Required");
  EXPECT_THAT(refusal_of_next<Required>(Errc::undecodable),
              HasSubstr("its required field 'name' is missing"));
  // A part without its weight.
  send_raw("\x0A\x01n\x23\x24", "fifomq.test.v1.Required");
  EXPECT_THAT(refusal_of_next<Required>(Errc::undecodable),
              HasSubstr("a required field of a message inside it is missing"));
  expect_next_arrives();
}

TEST_P(TypedChannel, AnIncompleteMessageIsNotSent) {
  Required incomplete;
  try {
    send(*sender_, incomplete, soon());
    ADD_FAILURE() << "it was sent";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::not_representable);
    EXPECT_EQ(error.endpoint(), sender_->endpoint().text());
    EXPECT_THAT(error.what(), HasSubstr("this fifomq.test.v1.Required cannot be sent: its required "
                                        "field 'name' is missing"));
  }
  expect_next_arrives();
}

TEST_P(TypedChannel, OverMaxMessageIsNotSent) {
  open("?max_message=2KiB");
  Sample exact;
  exact.set_blob(std::string(2045, 'b'));
  ASSERT_EQ(exact.ByteSizeLong(), 2048U);
  ASSERT_EQ(send(*sender_, exact, soon()), SendResult::sent);
  Sample over;
  over.set_blob(std::string(2046, 'b'));
  try {
    send(*sender_, over, soon());
    ADD_FAILURE() << "it was sent";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::too_large);
    EXPECT_THAT(error.what(), HasSubstr("message too large (2049 bytes, limit 2048)"));
  }
  Sample read;
  ASSERT_EQ(receive(*receiver_, read, soon()), ReceiveResult::received);
  EXPECT_EQ(read.blob().size(), 2045U);
  expect_next_arrives();
}

TEST_P(TypedChannel, OtherResultsAreThoseOfTheChannel) {
  Sample read;
  read.set_name("as it was");
  EXPECT_EQ(receive(*receiver_, read, Deadline::now()), ReceiveResult::timed_out);
  receiver_->close();
  EXPECT_EQ(receive(*receiver_, read, soon()), ReceiveResult::closed);
  EXPECT_EQ(read.name(), "as it was");
  sender_->close();
  EXPECT_EQ(send(*sender_, read, soon()), SendResult::closed);
}

INSTANTIATE_TEST_SUITE_P(Over, TypedChannel, testing::Values("memory", "fifo"),
                         [](const auto& over) { return over.param; });

// What carries no type is read all the same.
TEST(TypedForeign, AFramingWithoutTypes) {
  const conformance::TemporaryFolder folder;
  const Registry transports = builtin_transports();
  const std::string endpoint = "fifo:" + folder.path() + "/pipe" + "?framing=u32be";
  const auto receiver = transports.open_receiver(endpoint);
  const auto sender = transports.open_sender(endpoint);
  ASSERT_EQ(send(*sender, full_sample(), soon()), SendResult::sent);
  Sample read;
  ASSERT_EQ(receive(*receiver, read, soon()), ReceiveResult::received);
  EXPECT_TRUE(MessageDifferencer::Equals(read, full_sample()));
}

}  // namespace
}  // namespace fifomq
