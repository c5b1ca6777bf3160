// The relay between two ends that are made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>

#include "unit/fake_ends.hpp"

namespace fifomq {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class RelayTest : public testing::Test {
 protected:
  static Message with_hops(std::uint32_t hops) {
    Message message;
    message.origin = Origin{4, 2};
    message.hops = hops;
    return message;
  }
  // Throws for payloads that begin with '!'.
  void refuse_marked(Errc code) {
    to_.answer = [code](const MessageView& message, Deadline) {
      if (as_text(message.payload).starts_with('!')) throw Error(code, "fake:", "not this one");
      return SendResult::sent;
    };
  }
  std::vector<std::string> sent() const {
    std::vector<std::string> payloads;
    for (const Message& message : to_.sent()) payloads.emplace_back(as_text(message.payload));
    return payloads;
  }

  test::FakeReceiver from_;
  test::FakeSender to_;
};

TEST_F(RelayTest, CarriesEverythingOverAsItIs) {
  Message message = with_hops(3);
  message.topic = "topic";
  message.type = "type";
  message.sent_unix_nanos = 9;
  message.unknown_fields.assign(2, std::byte{0x68});
  message.payload.assign(5, std::byte{1});
  from_.add(message);
  Relay relay(from_, to_, {});
  EXPECT_EQ(relay.step(), 1U);
  EXPECT_EQ(relay.step(), 0U);
  EXPECT_FALSE(from_.waited()) << "it never waits for input";
  ASSERT_EQ(to_.sent().size(), 1U);
  const Message& onward = to_.sent()[0];
  EXPECT_EQ(onward.topic, message.topic);
  EXPECT_EQ(onward.type, message.type);
  EXPECT_EQ(onward.sent_unix_nanos, message.sent_unix_nanos);
  EXPECT_EQ(onward.unknown_fields, message.unknown_fields);
  EXPECT_EQ(onward.payload, message.payload);
  EXPECT_EQ(onward.origin, message.origin);
  EXPECT_EQ(onward.hops, 4U);
  EXPECT_EQ(relay.relayed(), 1U);
  EXPECT_FALSE(relay.ended());
}

TEST_F(RelayTest, HopsAreLimited) {
  for (const std::uint32_t hops : {0U, 7U, 8U, 9U}) from_.add(with_hops(hops));
  Relay relay(from_, to_, {});
  EXPECT_EQ(relay.step(), 4U);
  ASSERT_EQ(to_.sent().size(), 2U);
  EXPECT_EQ(to_.sent()[1].hops, 8U);
  EXPECT_EQ(relay.hop_limit(), 2U);
}

// Whoever writes the largest number there is has not passed no relay.
TEST_F(RelayTest, HopsDoNotWrapRound) {
  from_.add(with_hops(std::numeric_limits<std::uint32_t>::max()));
  Relay relay(from_, to_, {});
  relay.step();
  EXPECT_TRUE(to_.sent().empty());
  EXPECT_EQ(relay.hop_limit(), 1U);
}

TEST_F(RelayTest, WhatOnlyPrintsIsNoHop) {
  from_.add(with_hops(8));
  Relay relay(from_, to_, {.counts_as_hop = false, .patience = {}, .log = {}});
  relay.step();
  ASSERT_EQ(to_.sent().size(), 1U);
  EXPECT_EQ(to_.sent()[0].hops, 8U);
}

TEST_F(RelayTest, OriginIsStampedWhereMessagesEnter) {
  from_.add("of unknown origin");
  from_.add(with_hops(0));
  Relay stamping(from_, to_, {.stamps_origin = true, .patience = {}, .log = {}});
  stamping.step();
  ASSERT_EQ(to_.sent().size(), 2U);
  EXPECT_EQ(to_.sent()[0].origin, std::nullopt) << "the sender puts its own";
  EXPECT_EQ(to_.sent()[1].origin, (Origin{4, 2}));
  from_.add("of unknown origin");
  Relay bridge(from_, to_, {});
  bridge.step();
  EXPECT_EQ(to_.sent()[2].origin, Origin{}) << "a bridge leaves the unknown unknown";
}

TEST_F(RelayTest, StepsAreBounded) {
  for (int i = 0; i < 1'000; ++i) from_.add("m");
  Relay relay(from_, to_, {});
  const std::size_t first = relay.step();
  EXPECT_GT(first, 0U);
  EXPECT_LT(first, 1'000U) << "signals are looked at between two steps";
  while (relay.step() > 0) {
  }
  EXPECT_EQ(to_.sent().size(), 1'000U);
}

TEST_F(RelayTest, RefusedMessagesAreCountedAndTheStreamGoesOn) {
  for (const Errc code : {Errc::too_large, Errc::not_representable}) {
    refuse_marked(code);
    std::vector<std::string> warnings;
    from_.add("!1");
    from_.add("2");
    from_.add("!3");
    Relay relay(from_, to_, {.patience = {}, .log = [&](LogLevel level, std::string_view text) {
                               EXPECT_EQ(level, LogLevel::warning);
                               warnings.emplace_back(text);
                             }});
    EXPECT_EQ(relay.step(), 3U);
    EXPECT_EQ(relay.refused(), 2U);
    EXPECT_EQ(relay.relayed(), 1U);
    EXPECT_THAT(warnings, ElementsAre(testing::HasSubstr("fake:: not this one [")));
  }
  EXPECT_THAT(sent(), ElementsAre("2", "2"));
}

TEST_F(RelayTest, OtherErrorsAreTheCallers) {
  refuse_marked(Errc::system_failure);
  from_.add("!");
  Relay relay(from_, to_, {});
  EXPECT_THROW(relay.step(), Error);
  EXPECT_EQ(relay.refused(), 0U);
}

// Writes down what is put, and whether that was safe before it was committed.
class KeptLetters final : public DeadLetters {
 public:
  explicit KeptLetters(const test::FakeReceiver& from) : from_(from) {}

  void put(const MessageView& message) override {
    if (full) throw Error(Errc::system_failure, "letters", "no room");
    letters.emplace_back(message);
  }
  void sync() override {
    synced.push_back(letters.size());
    committed_before.push_back(from_.committed());
  }

  // NOLINTBEGIN(*-non-private-member-variables*)
  bool full = false;
  std::vector<Message> letters;
  std::vector<std::size_t> synced;
  std::vector<std::uint64_t> committed_before;
  // NOLINTEND(*-non-private-member-variables*)

 private:
  const test::FakeReceiver& from_;
};

TEST_F(RelayTest, WhatIsRefusedBecomesADeadLetterAsItCame) {
  refuse_marked(Errc::not_representable);
  from_.add("!1");
  from_.add("2");
  from_.add(with_hops(8));
  Message large = with_hops(3);
  large.topic = "topic";
  large.payload.assign(3, std::byte{'!'});
  from_.add(large);
  KeptLetters kept(from_);
  Relay relay(from_, to_, {.patience = {}, .log = {}, .dead_letters = &kept});
  EXPECT_EQ(relay.step(), 4U);
  ASSERT_EQ(kept.letters.size(), 3U);
  EXPECT_EQ(as_text(kept.letters[0].payload), "!1");
  EXPECT_EQ(kept.letters[1].hops, 8U);
  EXPECT_EQ(kept.letters[2].hops, 3U) << "it has not passed this relay";
  EXPECT_EQ(kept.letters[2].topic, "topic");
  EXPECT_EQ(kept.letters[2].origin, large.origin);
  EXPECT_EQ(relay.dead_letters(), 3U);
  EXPECT_EQ(relay.not_representable(), 2U);
  EXPECT_EQ(relay.too_large(), 0U);
  EXPECT_EQ(relay.hop_limit(), 1U);
  EXPECT_EQ(from_.committed(), 1U) << "the second one is not settled yet";
  to_.acknowledged = 1;
  relay.step();
  EXPECT_EQ(from_.committed(), 4U);
  EXPECT_THAT(kept.synced, ElementsAre(3U)) << "once for all of a step";
  EXPECT_THAT(kept.committed_before, ElementsAre(0U)) << "before the first one was committed";
}

TEST_F(RelayTest, WhatTheDeadLettersDoNotTakeIsNotCommitted) {
  refuse_marked(Errc::too_large);
  from_.add("!1");
  KeptLetters kept(from_);
  kept.full = true;
  Relay relay(from_, to_, {.patience = {}, .log = {}, .dead_letters = &kept});
  EXPECT_THROW(relay.step(), Error);
  EXPECT_EQ(from_.committed(), 0U);
  EXPECT_EQ(relay.dead_letters(), 0U);
  EXPECT_EQ(relay.refused(), 0U);
}

TEST_F(RelayTest, RefusalsAreCountedByReason) {
  to_.answer = [](const MessageView& message, Deadline) -> SendResult {
    const bool large = as_text(message.payload) == "large";
    throw Error(large ? Errc::too_large : Errc::not_representable, "fake:", "not this one");
  };
  for (const char* payload : {"large", "strange", "large"}) from_.add(payload);
  Relay relay(from_, to_, {});
  relay.step();
  EXPECT_EQ(relay.too_large(), 2U);
  EXPECT_EQ(relay.not_representable(), 1U);
  EXPECT_EQ(relay.refused(), 3U);
  EXPECT_EQ(relay.dead_letters(), 0U);
}

// The receiver's index counts every message taken in; the sender's only those that it accepted.
TEST_F(RelayTest, WhatWasPutAsideIsCommittedInItsPlace) {
  refuse_marked(Errc::too_large);
  for (const char* payload : {"!1", "2", "!3", "!4", "5", "6", "!7"}) from_.add(payload);
  Relay relay(from_, to_, {});
  relay.step();
  EXPECT_EQ(from_.committed(), 1U) << "nothing stands before the first one";
  const auto after = [&](std::uint64_t acknowledged) {
    to_.acknowledged = acknowledged;
    relay.step();
    return from_.committed();
  };
  EXPECT_EQ(after(1), 4U);
  EXPECT_EQ(after(1), 4U);
  EXPECT_EQ(after(2), 5U);
  EXPECT_EQ(after(3), 7U);
  EXPECT_TRUE(std::ranges::is_sorted(from_.commits()));
  EXPECT_EQ(relay.uncommitted(), 0U);
}

TEST_F(RelayTest, HopLimitAndDropsAreCommittedToo) {
  from_.add(with_hops(8));
  from_.add("dropped");
  from_.add(with_hops(0));
  to_.answer = [this](const MessageView& message, Deadline) {
    ++to_.acknowledged;
    return as_text(message.payload) == "dropped" ? SendResult::dropped : SendResult::sent;
  };
  Relay relay(from_, to_, {});
  EXPECT_EQ(relay.step(), 3U);
  EXPECT_EQ(relay.relayed(), 2U) << "dropped means accepted, and counted by the sender";
  EXPECT_EQ(from_.committed(), 3U);
}

TEST_F(RelayTest, EndsWithTheStream) {
  for (const ReceiveResult end : {ReceiveResult::end_of_stream, ReceiveResult::closed}) {
    from_.add("last");
    from_.when_empty = end;
    Relay relay(from_, to_, {});
    EXPECT_EQ(relay.step(), 1U);
    EXPECT_TRUE(relay.ended());
    EXPECT_EQ(relay.failed(), std::nullopt);
    EXPECT_EQ(relay.unsent(), 0U);
    from_.add("too late");
    EXPECT_EQ(relay.step(), 0U);
    MessageView message;
    from_.receive(message, Deadline::now());
  }
}

TEST_F(RelayTest, WaitsForRoomWithoutEndUnlessToldOtherwise) {
  to_.answer = [](const MessageView&, Deadline deadline) {
    EXPECT_TRUE(deadline.is_never());
    return SendResult::sent;
  };
  from_.add("m");
  Relay relay(from_, to_, {});
  EXPECT_EQ(relay.step(), 1U);
}

TEST_F(RelayTest, PatienceEndsIt) {
  for (const SendResult why : {SendResult::no_peer, SendResult::timed_out}) {
    to_.answer = [why](const MessageView&, Deadline deadline) {
      EXPECT_FALSE(deadline.is_never());
      EXPECT_LE(deadline.remaining(), 10s);
      EXPECT_GT(deadline.remaining(), 1s);
      return why;
    };
    from_.add("waits");
    from_.add("behind it");
    Relay relay(from_, to_, {.patience = 10s, .log = {}});
    EXPECT_EQ(relay.step(), 0U);
    EXPECT_TRUE(relay.ended());
    EXPECT_EQ(relay.failed(), why);
    EXPECT_EQ(relay.unsent(), 1U);
    EXPECT_EQ(relay.relayed(), 0U);
    EXPECT_EQ(from_.committed(), 0U) << "it comes again where the receiver can redeliver";
    EXPECT_EQ(from_.left(), 1U);
    MessageView message;
    from_.receive(message, Deadline::now());
  }
}

TEST_F(RelayTest, WhoeverRunsItComesByWhileAMessageWaits) {
  std::vector<unsigned> asked;
  int busy = 2;
  to_.answer = [&](const MessageView&, Deadline deadline) {
    EXPECT_FALSE(deadline.is_never());
    return busy-- > 0 ? SendResult::timed_out : SendResult::sent;
  };
  from_.add("waits");
  from_.add("behind it");
  RelayOptions options;
  options.check_in = [&](const MessageView&, unsigned tries) {
    asked.push_back(tries);
    return Deadline::after(10s);
  };
  Relay relay(from_, to_, options);
  EXPECT_EQ(relay.step(), 2U);
  EXPECT_THAT(asked, ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(sent(), ElementsAre("waits", "behind it"));
  EXPECT_EQ(relay.failed(), std::nullopt);
}

TEST_F(RelayTest, ComingByDoesNotLengthenPatience) {
  to_.answer = [](const MessageView&, Deadline) { return SendResult::no_peer; };
  from_.add("waits");
  RelayOptions options;
  options.patience = 0s;
  options.check_in = [](const MessageView&, unsigned) { return Deadline::after(10s); };
  Relay relay(from_, to_, options);
  relay.step();
  EXPECT_EQ(relay.failed(), SendResult::no_peer);
}

TEST_F(RelayTest, AClosedSenderIsAnEndAndNoFailure) {
  to_.answer = [](const MessageView&, Deadline) { return SendResult::closed; };
  from_.add("m");
  Relay relay(from_, to_, {});
  relay.step();
  EXPECT_TRUE(relay.ended());
  EXPECT_EQ(relay.failed(), std::nullopt);
  EXPECT_EQ(relay.unsent(), 1U);
}

}  // namespace
}  // namespace fifomq
