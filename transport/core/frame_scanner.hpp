// Looks at a place in a stream and says what a delimited frame that would start there turns out to
// be. Believes no length before it is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/checksum_index.hpp"
#include "core/frame.hpp"

namespace fifomq::core {

// The longest length in front of a frame that may be within the limits: up to 2^35.
inline constexpr std::size_t kMaxLengthBytes = 5;

// All places are positions in the stream: how many bytes came before.
class FrameScanner {
 public:
  enum class Verdict { whole, incomplete, broken, too_large };
  struct Candidate {
    Verdict verdict = Verdict::broken;
    std::size_t size = 0;         // with its length in front; as far as known
    std::uint64_t start = 0;      // where its length stands
    std::uint64_t beginning = 0;  // where its sync field stands, which begins the frame proper
    bool checked = false;         // carries a checksum, which is right if the frame is whole
    bool began = false;           // its sync bytes are there
    bool has_payload = false;     // it is whole, and a payload stands in it, be it an empty one
    std::uint64_t needed = 0;  // incomplete: nothing more can be said before the bytes up to here

    std::uint64_t end() const { return start + size; }
    // Whole, and believable where no frame is due. One without checksum and payload is not: the
    // front of a torn frame looks the same if the last digit of its length says that it ends before
    // its payload.
    bool stands_alone() const { return verdict == Verdict::whole && (checked || has_payload); }
  };

  explicit FrameScanner(std::uint64_t max_message) : max_message_(max_message) {}

  // What there is to look at. From one call to the next, the position never goes back, and bytes
  // that stay do not change.
  void set_window(ByteView bytes, std::uint64_t position) {
    bytes_ = bytes;
    position_ = position;
  }
  std::uint64_t begin() const { return position_; }
  std::uint64_t end() const { return position_ + bytes_.size(); }

  // `unknown` takes up the unknown fields of a whole frame.
  Candidate examine(std::uint64_t start, Frame& frame, std::string& unknown);
  Candidate examine(std::uint64_t start);

  // The first place from there on at which sync bytes stand.
  std::optional<std::uint64_t> find_beginning(std::uint64_t from) const;
  // How many sync bytes stand there: all of them, the front of them at end(), or none.
  std::size_t beginning_at(std::uint64_t place) const;

 private:
  bool check_is_right(const ParsedFields& parsed, std::uint64_t body, std::size_t size);

  const std::uint64_t max_message_;
  ByteView bytes_;
  std::uint64_t position_ = 0;
  ChecksumIndex checksums_;
  std::string scratch_;
};

}  // namespace fifomq::core
