#include "core/writer_ledger.hpp"

#include <gtest/gtest.h>

namespace fifomq {
namespace {

constexpr std::uint64_t kMost = ~std::uint64_t{0};

TEST(WriterLedger, TheFirstMessageOfAWriterHasNothingMissing) {
  core::WriterLedger ledger;
  EXPECT_EQ(ledger.missing_before({1, 1'000}), 0U);
  EXPECT_EQ(ledger.missing_before({2, 1}), 0U);
}

TEST(WriterLedger, GapsAreCountedBetweenTwoMessages) {
  core::WriterLedger ledger;
  ledger.missing_before({1, 5});
  EXPECT_EQ(ledger.missing_before({1, 6}), 0U);
  EXPECT_EQ(ledger.missing_before({1, 8}), 1U);
  EXPECT_EQ(ledger.missing_before({1, 108}), 99U);
  EXPECT_EQ(ledger.missing_before({1, kMost}), kMost - 109);
  EXPECT_EQ(ledger.missing_before({1, kMost}), 0U);
}

TEST(WriterLedger, WhatComesAgainOrLateIsNoGap) {
  core::WriterLedger ledger;
  ledger.missing_before({1, 5});
  EXPECT_EQ(ledger.missing_before({1, 5}), 0U);
  EXPECT_EQ(ledger.missing_before({1, 3}), 0U);
  EXPECT_EQ(ledger.missing_before({1, 6}), 0U) << "the late one has not moved the mark";
}

TEST(WriterLedger, UnknownOriginMeansNothing) {
  core::WriterLedger ledger;
  EXPECT_EQ(ledger.missing_before({0, 1}), 0U);
  EXPECT_EQ(ledger.missing_before({0, 100}), 0U);
  EXPECT_EQ(ledger.missing_before({7, 0}), 0U);
  EXPECT_EQ(ledger.missing_before({7, 100}), 0U);
  EXPECT_EQ(ledger.missing_before({7, 0}), 0U);
  EXPECT_EQ(ledger.missing_before({7, 102}), 1U);
}

TEST(WriterLedger, WritersDoNotMix) {
  core::WriterLedger ledger;
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    for (std::uint64_t writer = 1; writer <= 1'000; ++writer) {
      const std::uint64_t gap = sequence > 1 ? writer % 3 : 0;
      ASSERT_EQ(ledger.missing_before({writer, sequence * (1 + writer % 3)}), gap);
    }
  }
}

// Its memory is bounded, so it forgets; but nobody who was heard of lately.
TEST(WriterLedger, FourThousandOthersAreRemembered) {
  core::WriterLedger ledger;
  constexpr std::uint64_t kOthers = 4'000;
  std::uint64_t next_writer = 2;
  for (std::uint64_t sequence = 1; sequence <= 21; sequence += 2) {
    ASSERT_EQ(ledger.missing_before({1, sequence}), sequence == 1 ? 0U : 1U);
    for (std::uint64_t i = 0; i < kOthers; ++i) ledger.missing_before({next_writer++, 1});
  }
}

}  // namespace
}  // namespace fifomq
