// What is half done, written by one decoder and taken up by the next one: what a reader keeps that
// is killed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/frame_decoder.hpp"
#include "core/frame_encoder.hpp"
#include "decoder_driver.hpp"
#include "support/random.hpp"

namespace fifomq {
namespace {

// The pieces of a few large messages of two senders, mixed, and a small one.
std::vector<std::string> mixed_pieces(std::vector<std::string>& payloads) {
  test::Random random;
  std::vector<std::string> pieces;
  core::FrameEncoder one;
  core::FrameEncoder other;
  for (int i = 0; i < 2; ++i) {
    payloads.push_back(random.bytes(20'000));
    EXPECT_TRUE(one.begin({.payload = as_byte_view(payloads.back()), .topic = "one", .hops = 3}));
    const std::string second = random.bytes(13'000);
    payloads.push_back(second);
    EXPECT_TRUE(other.begin({.payload = as_byte_view(second)}));
    while (one.more() || other.more()) {
      for (core::FrameEncoder* from : {&one, &other}) {
        if (const ByteView piece = from->next_piece(); !piece.empty()) {
          pieces.emplace_back(as_text(piece));
        }
      }
    }
  }
  return pieces;
}

std::string joined(const std::vector<std::string>& pieces, std::size_t from, std::size_t to) {
  std::string text;
  for (std::size_t i = from; i < to; ++i) text += pieces[i];
  return text;
}

std::vector<std::string> payloads_of(const std::vector<Message>& messages) {
  std::vector<std::string> payloads;
  payloads.reserve(messages.size());
  for (const Message& message : messages) payloads.emplace_back(as_text(message.payload));
  return payloads;
}

// It is killed at every place, and has taken what it had kept up to there, or none of the last
// pieces of it. `torn`: the stream is cut inside a piece.
void kill_everywhere(std::size_t torn) {
  std::vector<std::string> payloads;
  const std::vector<std::string> pieces = mixed_pieces(payloads);
  for (std::size_t kept = 0; kept <= pieces.size(); ++kept) {
    core::FrameDecoder killed{{}};
    test::DecoderDriver before(killed);
    before.give(joined(pieces, 0, kept));
    if (kept < pieces.size()) before.give(pieces[kept].substr(0, torn));
    core::ByteBuffer file;
    killed.write_half_done(file);
    for (std::size_t again = 0; again <= std::min<std::size_t>(kept, 3); ++again) {
      SCOPED_TRACE(std::to_string(kept) + " pieces kept, " + std::to_string(again) + " not taken");
      core::FrameDecoder next{{}};
      test::DecoderDriver after(next);
      after.give(std::string(as_text(file.view())));
      next.kept_until(next.read_to());
      EXPECT_EQ(next.has_kept(), !file.empty());
      const bool whole = again > 0 || torn == 0 || kept == pieces.size();
      std::string rest = joined(pieces, kept - again, pieces.size());
      if (!whole) rest.erase(0, torn);
      after.give(rest);
      after.finish();
      EXPECT_FALSE(next.has_kept());
      std::vector<std::string> received = payloads_of(before.messages());
      std::size_t twice = 0;
      for (const std::string& payload : payloads_of(after.messages())) {
        const bool came = std::ranges::find(received, payload) != received.end();
        twice += came ? 1 : 0;
        if (!came) received.push_back(payload);
      }
      EXPECT_EQ(received.size(), payloads.size());
      for (const std::string& payload : payloads) {
        EXPECT_EQ(std::ranges::count(received, payload), 1);
      }
      EXPECT_EQ(twice, 0);
      EXPECT_EQ(next.counters().uncommittable, 0);
      EXPECT_TRUE(next.counters().balanced());
    }
  }
}

TEST(HalfDone, GoesOnAfterAKillAtEveryPiece) { kill_everywhere(0); }

TEST(HalfDone, GoesOnAfterAKillInsideAPiece) { kill_everywhere(100); }

TEST(HalfDone, OnlyWhatComesAfterwardsIsNeeded) {
  core::FrameDecoder decoder{{}};
  test::DecoderDriver driver(decoder);
  std::vector<std::string> payloads;
  const std::vector<std::string> pieces = mixed_pieces(payloads);
  driver.give(joined(pieces, 0, 3));
  EXPECT_EQ(decoder.needed_from(), 0);
  const std::uint64_t place = decoder.read_to();
  decoder.kept_until(place);
  EXPECT_EQ(decoder.needed_from(), place);
  driver.give(joined(pieces, 3, pieces.size()));
  EXPECT_EQ(payloads_of(driver.messages()).size(), payloads.size());
  EXPECT_EQ(decoder.counters().uncommittable, 0);
}

}  // namespace
}  // namespace fifomq
