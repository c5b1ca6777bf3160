// What libzmq holds is counted until it lets go, in whichever thread and order that is.
#include "in_flight.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/soon.hpp"

namespace fifomq::zeromq {
namespace {

constexpr std::size_t kSize = 100;

class InFlightTest : public testing::Test {
 protected:
  void make(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) in_flight_->make(held_.emplace_back(), kSize);
  }
  bool signalled() const { return readiness_.wait(Deadline::now()); }

  core::Readiness readiness_{"test"};
  InFlight::Handle in_flight_ = InFlight::open(readiness_);
  std::vector<zmq::message_t> held_;
};

TEST_F(InFlightTest, CountsMessagesAndBytes) {
  make(3);
  EXPECT_EQ(in_flight_->messages(), 3U);
  EXPECT_FALSE(in_flight_->within(3 * kSize - 1));
  EXPECT_TRUE(in_flight_->within(3 * kSize));
  held_.pop_back();
  EXPECT_TRUE(in_flight_->within(2 * kSize));
  EXPECT_EQ(in_flight_->messages(), 2U);
}

TEST_F(InFlightTest, TellsWhenFewEnoughAreLeftAndNotBefore) {
  make(4);
  held_.pop_back();
  in_flight_->notify_at(1);
  held_.pop_back();
  EXPECT_EQ(in_flight_->messages(), 2U);
  EXPECT_FALSE(signalled());
  held_.pop_back();
  EXPECT_TRUE(signalled());
  readiness_.clear();
  in_flight_->notify_never();
  held_.clear();
  EXPECT_FALSE(signalled());
  EXPECT_EQ(in_flight_->messages(), 0U);
}

TEST_F(InFlightTest, OneThatWasWithdrawnTellsNothing) {
  make(1);
  in_flight_->notify_at(0);
  in_flight_->withdraw_latest();
  held_.clear();
  EXPECT_FALSE(signalled());
}

// A leak, or a use after the end, is for the sanitizers to see.
TEST_F(InFlightTest, MessagesMayOutliveTheirSender) {
  make(2);
  in_flight_->notify_at(0);
  held_.pop_back();
  in_flight_.reset();
  held_.clear();
}

TEST_F(InFlightTest, NothingIsMissedWhileOthersLetGo) {
  for (int round = 0; round < 500; ++round) {
    make(64);
    std::jthread first([&] {
      for (std::size_t i = 0; i < 32; ++i) held_[i].rebuild();
    });
    std::jthread second([&] {
      for (std::size_t i = 32; i < 64; ++i) held_[i].rebuild();
    });
    while (true) {
      in_flight_->notify_at(0);
      readiness_.clear();
      if (in_flight_->messages() == 0) break;
      ASSERT_TRUE(readiness_.wait(test::soon())) << round;
    }
    in_flight_->notify_never();
    first.join();
    second.join();
    held_.clear();
    ASSERT_TRUE(in_flight_->within(0));
  }
}

}  // namespace
}  // namespace fifomq::zeromq
