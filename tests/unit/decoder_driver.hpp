// Feeds a decoder as a reader would, and checks the ledger after every step against what the test
// itself has counted.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/decoder.hpp"

namespace fifomq {

inline bool operator==(const Counters& a, const Counters& b) {
  return std::ranges::all_of(kCounterNames,
                             [&](const auto& named) { return a.*named.second == b.*named.second; });
}

inline void PrintTo(const Counters& counters, std::ostream* out) {  // NOLINT: GoogleTest's name
  for (const auto& [name, member] : kCounterNames) {
    if (counters.*member != 0) *out << name << "=" << counters.*member << " ";
  }
}

}  // namespace fifomq

namespace fifomq::test {

inline constexpr std::size_t kUnlimited = ~std::size_t{0};

class DecoderDriver {
 public:
  explicit DecoderDriver(core::Decoder& decoder) : decoder_(decoder) {}

  void give(std::string_view bytes) {
    decoder_.was_empty_until(now_);
    const std::span<std::byte> room = decoder_.room(bytes.size());
    ASSERT_GE(room.size(), bytes.size());
    std::ranges::copy(as_byte_view(bytes), room.begin());
    decoder_.filled(bytes.size());
    given_ += bytes.size();
    drain();
  }

  void give_in_pieces(std::string_view bytes, std::size_t piece) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      give(bytes.substr(0, piece));
    }
  }

  // The source stands empty for so long, on a clock of our own, and the decoder is told as often as
  // it asks for.
  void stand_empty(std::chrono::nanoseconds duration) {
    const auto end = now_ + duration;
    for (;; now_ = std::min(now_ + decoder_.empty_interval(), end)) {
      decoder_.source_empty(now_);
      drain();
      if (now_ == end) return;
    }
  }

  void pass_time_without_looking(std::chrono::nanoseconds duration) { now_ += duration; }

  void finish() {
    decoder_.finish();
    drain();
    const Counters end = decoder_.counters();
    EXPECT_EQ(end.bytes_pending, 0U);
    EXPECT_EQ(end.messages_pending, 0U);
  }

  const std::vector<Message>& messages() const { return messages_; }
  Counters counters() const { return decoder_.counters(); }

  std::vector<std::string> payloads() const {
    std::vector<std::string> all;
    for (const Message& message : messages_) all.emplace_back(as_text(message.payload));
    return all;
  }

 private:
  void drain() {
    MessageView message;
    check_ledger();
    while (decoder_.next(message)) {
      ASSERT_TRUE(message.origin.has_value());
      messages_.emplace_back(message);
      check_ledger();
    }
    check_ledger();
  }

  // What is pending is computed as a difference, so what would unbalance the ledger shows as a
  // pending count beyond all that came in.
  void check_ledger() const {
    const Counters now = decoder_.counters();
    ASSERT_TRUE(now.balanced());
    ASSERT_EQ(now.bytes_in, given_);
    ASSERT_EQ(now.messages_delivered, messages_.size());
    ASSERT_LE(now.bytes_pending, now.bytes_in);
    ASSERT_LE(now.messages_pending, now.messages_received);
  }

  core::Decoder& decoder_;
  std::vector<Message> messages_;
  std::uint64_t given_ = 0;
  std::chrono::steady_clock::time_point now_{};
};

}  // namespace fifomq::test
