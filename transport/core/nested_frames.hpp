// The frames that begin inside another one. A frame without a checksum has nothing but its
// structure to speak for it, and a torn one that has swallowed the next ones looks the same: so a
// whole frame inside it wins.
//
// What was looked at is remembered from one question to the next, also when they are about
// different outer frames: each place is examined once, and again only when more can be said about
// it. So many false beginnings do not cost more than their number.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "core/frame_scanner.hpp"

namespace fifomq::core {

class NestedFrames {
 public:
  // undecided: something stands there that may still become a whole frame.
  enum class Inside { nothing, undecided, whole_frame };
  // What to wait for: all that may come; only what has begun, since what follows is not coming now;
  // nothing.
  enum class Patience { full, for_begun, none };

  // Whether a frame begins inside the outer one, even one that crosses its end. From one question
  // to the next, the outer frame does not start earlier.
  Inside look(FrameScanner& scanner, const FrameScanner::Candidate& outer, Patience patience);

 private:
  struct Place {
    std::uint64_t start;
    std::uint64_t beginning;
    std::uint64_t needed;  // more can be said when the bytes up to here have come; kWhole: it is
  };
  static constexpr std::uint64_t kWhole = 0;
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  // Bounds memory. When there are more, those behind are looked at as these are decided.
  static constexpr std::size_t kMostPlaces = 4096;

  void forget_before(std::uint64_t start);
  void examine_again(FrameScanner& scanner, Patience patience);
  bool search(FrameScanner& scanner, std::uint64_t inside, std::uint64_t end, Patience patience);
  void add_readings(FrameScanner& scanner, std::uint64_t beginning, std::uint64_t inside,
                    Patience patience);
  void find_whole();

  // Whole or undecided, in the order of the stream.
  std::deque<Place> places_;
  std::optional<Place> first_whole_;    // of them
  std::uint64_t next_needed_ = kNever;  // the least of the undecided ones'
  std::uint64_t searched_ = 0;          // what begins before is among the places, or nothing
};

}  // namespace fifomq::core
