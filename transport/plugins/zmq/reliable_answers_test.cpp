// Acknowledgements and other answers that come twice, late, out of order, or are made up; and what
// the two ends remember.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "reliable_inbox.hpp"
#include "reliable_outbox.hpp"
#include "support/random.hpp"

namespace fifomq::zeromq {
namespace {

using Kind = Header::Kind;

constexpr std::uint64_t kStream = 77;

// Ten messages in as many parcels, all on their way.
class ReliableAnswers : public testing::Test {
 protected:
  void SetUp() override {
    outbox_.begin_epoch();
    outbox_.replied();
    outbox_.take(welcome(1, 0, 1));
    for (int i = 0; i < 10; ++i) outbox_.keep(i, 1, 100, 100);
    send_all();
  }
  static Header welcome(std::uint64_t epoch, std::uint64_t committed, std::uint64_t next) {
    return {.kind = Kind::welcome,
            .stream = kStream,
            .sequence = committed,
            .epoch = epoch,
            .next = next,
            .credit = 1'000'000};
  }
  static Header ack(std::uint64_t sequence) {
    return {.kind = Kind::ack, .stream = kStream, .sequence = sequence};
  }
  static Header nack(std::uint64_t epoch, std::uint64_t next) {
    return {.kind = Kind::nack, .stream = kStream, .epoch = epoch, .next = next};
  }
  // The first message of each parcel that goes out now.
  std::vector<std::uint64_t> send_all() {
    std::vector<std::uint64_t> sent;
    while (auto* const parcel = outbox_.next()) {
      sent.push_back(parcel->first);
      outbox_.next_is_sent();
    }
    return sent;
  }

  Outbox<int> outbox_{kStream};
};

TEST_F(ReliableAnswers, AnAcknowledgementCountsOnceAndNeverBack) {
  for (const std::uint64_t sequence : {4U, 4U, 2U, 0U, 4U, 7U, 5U, 7U}) outbox_.take(ack(sequence));
  EXPECT_EQ(outbox_.acknowledged(), 7U);
  EXPECT_EQ(outbox_.memory(), 300U);
  EXPECT_TRUE(send_all().empty());
}

TEST_F(ReliableAnswers, NobodyAcknowledgesWhatWasNotSent) {
  outbox_.keep(10, 1, 100, 100);
  outbox_.take(ack(11));
  outbox_.take(ack(~std::uint64_t{0}));
  outbox_.take(welcome(1, 11, 12));
  EXPECT_EQ(outbox_.acknowledged(), 0U);
  EXPECT_EQ(send_all(), std::vector<std::uint64_t>{11}) << "what has not been sent is not skipped";
}

TEST_F(ReliableAnswers, AnotherStreamsAnswersMeanNothing) {
  Header other = ack(5);
  other.stream = kStream + 1;
  outbox_.take(other);
  other = nack(1, 3);
  other.stream = kStream + 1;
  outbox_.take(other);
  EXPECT_EQ(outbox_.acknowledged(), 0U);
  EXPECT_TRUE(send_all().empty());
}

TEST_F(ReliableAnswers, WhatAnEarlierConnectionSaidIsOutOfDateButItsCommitsHold) {
  outbox_.begin_epoch();
  EXPECT_EQ(outbox_.reply()->sequence, 1U);
  outbox_.replied();
  outbox_.take(nack(1, 5));
  outbox_.take(welcome(1, 3, 8));
  EXPECT_EQ(outbox_.acknowledged(), 3U) << "committed is committed";
  outbox_.take(nack(1, 0));
  EXPECT_FALSE(outbox_.reply()) << "no new HELLO for an old complaint";
  EXPECT_EQ(send_all().front(), 4U);
}

TEST_F(ReliableAnswers, WhatIsAcknowledgedBeforeHelloIsSaidDoesNotGoToTheNextReceiver) {
  outbox_.begin_epoch();
  outbox_.take(ack(6));
  EXPECT_EQ(outbox_.reply()->sequence, 7U);
  outbox_.replied();
  EXPECT_EQ(send_all().front(), 7U);
  outbox_.take(nack(2, 3));
  outbox_.take(ack(8));
  EXPECT_EQ(outbox_.reply()->kind, Kind::gap);
  EXPECT_EQ(outbox_.reply()->sequence, 9U);
}

TEST_F(ReliableAnswers, ANackGoesBackAndAReplayedOneOnlyAgain) {
  outbox_.take(nack(1, 6));
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{6, 7, 8, 9, 10}));
  outbox_.take(nack(1, 6));
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{6, 7, 8, 9, 10}));
  outbox_.take(nack(1, 11));
  EXPECT_TRUE(send_all().empty());
}

TEST_F(ReliableAnswers, ANackForWhatIsGoneIsAnsweredWithAGap) {
  outbox_.take(ack(6));
  outbox_.take(nack(1, 3));
  ASSERT_TRUE(outbox_.reply());
  EXPECT_EQ(outbox_.reply()->kind, Kind::gap);
  EXPECT_EQ(outbox_.reply()->sequence, 7U);
  EXPECT_TRUE(send_all().empty()) << "the gap is told first";
  outbox_.replied();
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{7, 8, 9, 10}));
}

TEST_F(ReliableAnswers, WhatTheReceiverHasHadIsNotSentAgain) {
  outbox_.begin_epoch();
  outbox_.replied();
  outbox_.take(welcome(2, 2, 8));
  EXPECT_EQ(outbox_.acknowledged(), 2U);
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{8, 9, 10}));
}

TEST_F(ReliableAnswers, CreditBoundsWhatIsOnTheWay) {
  Header stingy = welcome(2, 0, 1);
  stingy.credit = 250;
  outbox_.begin_epoch();
  outbox_.replied();
  outbox_.take(stingy);
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{1, 2}));
  outbox_.take(ack(1));
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{3}));
  stingy.credit = 0;
  outbox_.take(stingy);
  outbox_.take(ack(3));
  EXPECT_EQ(send_all(), (std::vector<std::uint64_t>{4})) << "one goes, however little is granted";
}

TEST_F(ReliableAnswers, ARefusalHoldsUntilTheNextConnection) {
  outbox_.begin_epoch();
  outbox_.replied();
  EXPECT_TRUE(outbox_.awaits_answer());
  outbox_.take({.kind = Kind::refused, .stream = kStream, .epoch = 2, .reason = "too old"});
  ASSERT_TRUE(outbox_.refusal());
  EXPECT_EQ(outbox_.refusal()->reason, "too old");
  EXPECT_FALSE(outbox_.awaits_answer()) << "nobody is asked again";
  outbox_.take(nack(2, 0));  // a PING that crossed the refusal is answered like this
  ASSERT_TRUE(outbox_.refusal());
  EXPECT_FALSE(outbox_.reply()) << "no HELLO";
  outbox_.take(nack(2, 1));
  EXPECT_TRUE(send_all().empty());
  outbox_.begin_epoch();
  EXPECT_FALSE(outbox_.refusal());
}

TEST(ReliableInbox, AnotherVersionIsRefusedInASentence) {
  Inbox inbox(1);
  const auto answer =
      inbox.take({.kind = Kind::hello, .stream = 5, .sequence = 1, .epoch = 1, .version = 2}, "a");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Kind::refused);
  EXPECT_EQ(answer->reason,
            "the receiver speaks version 1 of the protocol, and the sender version 2");
}

TEST(ReliableInbox, RemembersABoundedNumberOfStreamsAndNoneWithWorkLeftIsForgotten) {
  Inbox inbox(1);
  std::optional<Header> answer;
  const auto hello = [&](std::uint64_t stream) {
    return inbox.take({.kind = Kind::hello,
                       .stream = stream,
                       .sequence = 1,
                       .epoch = 1,
                       .version = kReliableVersion},
                      "a");
  };
  const auto known = [&](std::uint64_t stream) {
    return inbox.open({.kind = Kind::data, .stream = stream, .sequence = 1}, answer) != nullptr;
  };
  for (std::uint64_t stream = 1; stream <= Inbox::kMostStreams; ++stream) {
    ASSERT_TRUE(hello(stream));
    inbox.hand_out(*inbox.open({.kind = Kind::data, .stream = stream, .sequence = 1}, answer));
  }
  EXPECT_FALSE(hello(5000)) << "of all of them something is uncommitted: it has to wait";
  inbox.commit(2);
  inbox.acknowledge([](const Header&, std::string_view) {});
  EXPECT_TRUE(hello(5000));
  EXPECT_FALSE(known(1)) << "the one that was not heard of for longest";
  EXPECT_TRUE(known(2) && known(3) && known(5000));
}

TEST(ReliableHeader, AnotherKindIsAHeaderAndNoneIsNot) {
  std::string text;
  for (const auto& [kind, known_as] : {std::pair(0, Kind::other), std::pair(8, Kind::refused),
                                       std::pair(9, Kind::other), std::pair(200, Kind::other)}) {
    serialize({.kind = static_cast<Kind>(kind), .stream = 5, .sequence = 6}, text);
    Header header;
    EXPECT_EQ(parse(as_byte_view(text), header), kind != 0) << kind;
    EXPECT_EQ(header.kind, known_as) << kind;
  }
  serialize({.kind = Kind::ping}, text);
  Header header;
  EXPECT_FALSE(parse(as_byte_view(text), header)) << "of no stream";
}

TEST(ReliableHeader, EveryHeaderComesBackAndDamageIsNoCrash) {
  test::Random random;
  for (int i = 0; i < 20'000; ++i) {
    const Header header{.kind = static_cast<Kind>(random.between(1, 8)),
                        .stream = random.any_magnitude() | 1,
                        .sequence = random.any_magnitude(),
                        .epoch = random.any_magnitude(),
                        .next = random.any_magnitude(),
                        .credit = random.any_magnitude(),
                        .version = static_cast<std::uint32_t>(random.between(0, 9)),
                        .reason = random.letters(random.between(0, 40))};
    std::string text;
    serialize(header, text);
    Header back;
    ASSERT_TRUE(parse(as_byte_view(text), back));
    ASSERT_EQ(back, header);
    text[random.between(0, text.size() - 1)] ^= static_cast<char>(random.between(1, 255));
    text.resize(random.between(0, text.size()));
    parse(as_byte_view(text), back);
  }
  std::array<std::byte, kDataHeaderBytes> bytes{};
  write_data_header(9, 8, bytes.data());
  Header data;
  ASSERT_TRUE(parse(bytes, data));
  EXPECT_EQ(data, (Header{.kind = Kind::data, .stream = 9, .sequence = 8}));
}

}  // namespace
}  // namespace fifomq::zeromq
