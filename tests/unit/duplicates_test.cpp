// The filter for messages that come again after a crash.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <fifomq/duplicates.hpp>

#include "support/live_memory.hpp"
#include "support/random.hpp"

namespace fifomq {
namespace {

TEST(DuplicateFilter, WhatCameBeforeIsNotNew) {
  DuplicateFilter filter;
  EXPECT_TRUE(filter.is_new({1, 1}));
  EXPECT_TRUE(filter.is_new({1, 2}));
  EXPECT_TRUE(filter.is_new({2, 1}));
  EXPECT_FALSE(filter.is_new({1, 1}));
  EXPECT_FALSE(filter.is_new({1, 2}));
  EXPECT_TRUE(filter.is_new({1, 5}));
  EXPECT_FALSE(filter.is_new({1, 4})) << "each writer's messages come in order";
  EXPECT_FALSE(filter.is_new({2, 1}));
}

TEST(DuplicateFilter, TheUnknownIsAlwaysNew) {
  DuplicateFilter filter;
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(filter.is_new({}));
    EXPECT_TRUE(filter.is_new({0, 7}));
    EXPECT_TRUE(filter.is_new({7, 0}));
  }
}

TEST(DuplicateFilter, RemembersAWriterWhileFewOthersCome) {
  DuplicateFilter filter;
  EXPECT_TRUE(filter.is_new({1, 3}));
  for (std::uint64_t writer = 2; writer < LatestSequences::kGeneration; ++writer) {
    EXPECT_TRUE(filter.is_new({writer, 1}));
  }
  EXPECT_FALSE(filter.is_new({1, 3}));
}

// What a channel gives after crashes: each writer's messages in order, and from time to time again
// from some earlier one on. Whatever comes, each is taken once, and in order.
TEST(DuplicateFilter, OfAnyHistoryEachMessageIsNewOnce) {
  constexpr std::uint64_t kWriters = 20;
  constexpr int kSteps = 20'000;
  test::Random random;
  DuplicateFilter filter;
  std::map<std::uint64_t, std::uint64_t> next;   // that each writer's channel gives
  std::map<std::uint64_t, std::uint64_t> taken;  // how far each writer's messages have been taken
  for (int step = 0; step < kSteps; ++step) {
    const std::uint64_t writer = random.between(1, kWriters);
    std::uint64_t& sequence = next[writer];
    if (random.one_in(20)) sequence -= random.between(0, sequence);  // a crash
    ++sequence;
    ASSERT_EQ(filter.is_new({writer, sequence}), sequence > taken[writer])
        << "writer " << writer << " message " << sequence;
    taken[writer] = std::max(taken[writer], sequence);
  }
}

TEST(DuplicateFilter, ManyWritersTakeBoundedMemory) {
  constexpr std::uint64_t kWriters = 100'000;
  constexpr std::size_t kMostBytes = std::size_t{2} << 20;
  DuplicateFilter filter;
  const std::size_t before = test::live_bytes();
  for (std::uint64_t writer = 1; writer <= kWriters; ++writer) {
    ASSERT_TRUE(filter.is_new({writer, 1}));
    ASSERT_FALSE(filter.is_new({writer, 1}));
  }
  EXPECT_LT(test::live_bytes() - before, kMostBytes);
}

}  // namespace
}  // namespace fifomq
