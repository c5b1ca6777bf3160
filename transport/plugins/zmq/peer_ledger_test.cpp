// Connections that come, fail and leave in every order in which libzmq tells of them.
#include "peer_ledger.hpp"

#include <gtest/gtest.h>
#include <zmq.hpp>

namespace fifomq::zeromq {
namespace {

using End = PeerLedger::End;

constexpr int kPeer = 10;  // descriptors
constexpr int kStranger = 11;

void expect_counts(const PeerLedger& ledger, std::uint64_t peers, std::uint64_t lost,
                   std::uint64_t refused, std::uint64_t seen) {
  EXPECT_EQ(ledger.peers(), peers);
  EXPECT_EQ(ledger.lost(), lost);
  EXPECT_EQ(ledger.refused(), refused);
  EXPECT_EQ(ledger.seen(), seen);
}

// Both have come, and the handshake of the one that came first is done first.
void take_for_each_other(PeerLedger& ledger) {
  ledger.connected(kPeer, "peer");
  ledger.connected(kStranger, "stranger");
  ledger.handshake_done();
}

TEST(PeerLedger, AStrangerWithAWrongKeyTakesNobodysPlace) {
  PeerLedger ledger(true, true);
  take_for_each_other(ledger);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  const auto gone = ledger.disconnected(kStranger);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->end, End::wrong_key);
  expect_counts(ledger, 1, 0, 1, 1);
  EXPECT_EQ(ledger.disconnected(kPeer)->end, End::lost);
  expect_counts(ledger, 0, 1, 1, 1);
}

TEST(PeerLedger, WhoeverOfTheTwoLeavesFirst) {
  PeerLedger ledger(true, true);
  take_for_each_other(ledger);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  ledger.disconnected(kPeer);
  ledger.disconnected(kStranger);
  expect_counts(ledger, 0, 1, 1, 1);
}

TEST(PeerLedger, AStrangerThatHangsUpBeforeItIsToldIsOneFailure) {
  PeerLedger ledger(true, true);
  take_for_each_other(ledger);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, 0);
  EXPECT_EQ(ledger.disconnected(kStranger)->end, End::wrong_key);
  expect_counts(ledger, 1, 0, 1, 1);
  ledger.connected(kStranger, "another");
  EXPECT_EQ(ledger.disconnected(kPeer)->end, End::lost) << "no failure is left over";
  expect_counts(ledger, 0, 1, 1, 1);
}

TEST(PeerLedger, AFailureOfTwoAtATimeIsTwo) {
  PeerLedger ledger(true, true);
  for (const int fd : {1, 2}) ledger.connected(fd, "stranger");
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, 0);
  EXPECT_EQ(ledger.disconnected(1)->end, End::wrong_key);
  EXPECT_EQ(ledger.disconnected(2)->end, End::wrong_key);
  expect_counts(ledger, 0, 0, 2, 0);
}

TEST(PeerLedger, AnEndThatAsksForNoKeysIsRefusedItself) {
  PeerLedger ledger(false, false);
  ledger.connected(1, "server");
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
  const auto gone = ledger.disconnected(1);
  EXPECT_EQ(gone->end, End::failed);
  EXPECT_EQ(gone->event, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
  EXPECT_EQ(gone->address, "server");
  expect_counts(ledger, 0, 0, 1, 0);
}

TEST(PeerLedger, AFailedHandshakeIsNobodyElses) {
  PeerLedger ledger(true, false);
  take_for_each_other(ledger);
  ledger.handshake_failed(ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, 7);
  const auto gone = ledger.disconnected(kStranger);
  EXPECT_EQ(gone->end, End::failed);
  EXPECT_EQ(gone->value, 7);
  expect_counts(ledger, 1, 0, 1, 1);
}

TEST(PeerLedger, ADescriptorThatComesAgainIsAnotherConnection) {
  PeerLedger ledger(true, false);
  ledger.connected(1, "first");
  ledger.handshake_done();
  ledger.connected(1, "second");
  expect_counts(ledger, 0, 1, 0, 1);
  ledger.handshake_done();
  ledger.disconnected(1);
  expect_counts(ledger, 0, 2, 0, 2);
  EXPECT_FALSE(ledger.disconnected(1));
}

TEST(PeerLedger, AnEndThatConnectsHasOneConnection) {
  PeerLedger ledger(false, false);
  ledger.connected(1, "given up without an event");
  ledger.connected(2, "server");
  ledger.handshake_done();
  expect_counts(ledger, 1, 0, 1, 1);
  EXPECT_EQ(ledger.connections().size(), 1U);
}

}  // namespace
}  // namespace fifomq::zeromq
