// send_many(): says how many were accepted, whatever ends it.
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>

#include "fake_ends.hpp"

namespace fifomq {
namespace {

class SendMany : public testing::Test {
 protected:
  // What send_many() makes of four messages of which the second gets this answer.
  Sender::Many answer_second(SendResult second) {
    int asked = 0;
    sender_.answer = [asked, second](const MessageView&, Deadline) mutable {
      return asked++ == 1 ? second : SendResult::sent;
    };
    return sender_.send_many(messages_, Deadline::now());
  }

  const std::array<MessageView, 4> messages_{{{.payload = as_byte_view("a")},
                                              {.payload = as_byte_view("b")},
                                              {.payload = as_byte_view("c")},
                                              {.payload = as_byte_view("d")}}};
  test::FakeSender sender_;
};

TEST_F(SendMany, AllThatIsSentIsFlushed) {
  const Sender::Many many = answer_second(SendResult::sent);
  EXPECT_EQ(many.accepted, 4U);
  EXPECT_EQ(many.result, SendResult::sent);
  EXPECT_EQ(sender_.flushes(), 1U);
  ASSERT_EQ(sender_.sent().size(), 4U);
  EXPECT_EQ(as_text(sender_.sent()[3].view().payload), "d");
}

TEST_F(SendMany, WhatIsDroppedWasAccepted) {
  const Sender::Many many = answer_second(SendResult::dropped);
  EXPECT_EQ(many.accepted, 4U);
  EXPECT_EQ(many.result, SendResult::sent);
  EXPECT_EQ(sender_.sent().size(), 3U);
}

TEST_F(SendMany, TheFirstThatIsNotAcceptedEndsIt) {
  for (const SendResult why : {SendResult::timed_out, SendResult::no_peer, SendResult::closed}) {
    const Sender::Many many = answer_second(why);
    EXPECT_EQ(many.accepted, 1U);
    EXPECT_EQ(many.result, why);
  }
  EXPECT_EQ(sender_.sent().size(), 3U);
  EXPECT_EQ(sender_.flushes(), 0U);
}

TEST_F(SendMany, NoMessagesAreAllSent) {
  const Sender::Many many = sender_.send_many({}, Deadline::now());
  EXPECT_EQ(many.accepted, 0U);
  EXPECT_EQ(many.result, SendResult::sent);
}

}  // namespace
}  // namespace fifomq
