// The filter for messages that come again after a crash.
#include <gtest/gtest.h>

#include <fifomq/duplicates.hpp>

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

}  // namespace
}  // namespace fifomq
