// The self-synchronising reader of delimited frames. It believes nothing before it is checked:
// where a frame turns out broken it looks, from the byte behind that frame's start, for the next
// one that is whole.
//
// The bytes that were not used up always start at one of these:
//   in step      where a frame must begin, because the one before it was whole;
//   out of step  somewhere; the next frame is searched by its sync bytes.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "core/decoder.hpp"
#include "core/frame.hpp"
#include "core/reassembler.hpp"
#include "core/writer_ledger.hpp"

namespace fifomq::core {

class FrameDecoder final : public Decoder {
 public:
  explicit FrameDecoder(const DecoderLimits& limits, Notice notice = {});

  bool next(MessageView& message) override;
  std::uint64_t wanted(std::uint64_t messages) const override;
  bool waiting() const override;
  void finish() override;

 protected:
  void on_bytes() override;
  void on_empty() override;

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  enum class Verdict { whole, incomplete, broken, too_large };
  // What a frame that would start at a given place turns out to be.
  struct Candidate {
    Verdict verdict = Verdict::broken;
    std::size_t size = 0;       // with its length in front; as far as known
    std::size_t beginning = 0;  // where its sync field stands, from its start
    bool checked = false;       // carries a checksum, which is right if the frame is whole
    bool began = false;         // its sync bytes are there
  };
  enum class Inside { nothing, undecided, whole_frame };

  Candidate examine(std::size_t start, Frame& frame, std::string& unknown) const;
  std::size_t find_beginning(std::size_t from) const;
  Inside look_inside(std::size_t start, const Candidate& outer);
  bool hopeless(std::size_t start, const Candidate& candidate);
  bool next_in_step(MessageView& message, bool& found);
  bool take(const Candidate& head, const Frame& frame, MessageView& message);
  void lose_step(const Candidate& head);
  bool hunt();
  bool hunt_at(std::size_t beginning, bool& undecided);
  bool step_to(std::size_t start);
  void skip_to(std::size_t start);
  void drop_hopeless_tail();
  bool first_look_at(std::size_t beginning);
  bool silent() const { return empty_clock() - last_bytes_ >= limits_.frame_timeout; }
  bool aged() const { return empty_clock() - awaited_since_ >= limits_.frame_timeout; }

  const DecoderLimits limits_;
  Notice notice_;
  Reassembler reassembler_;
  WriterLedger writers_;
  std::string unknown_;          // unknown fields of the frame at the head
  std::string scratch_unknown_;  // and of frames that are only looked at
  bool in_step_ = true;
  bool finished_ = false;
  // From the first of the unread bytes: before least_start_, no frame starts; up to searched_, none
  // begins but where one is looked at now; inside that one, none begins up to inside_searched_.
  std::size_t least_start_ = 0;
  std::size_t searched_ = 0;
  std::size_t inside_searched_ = 0;
  std::uint64_t judged_ = kNone;   // where in the stream the beginning stands that was counted last
  std::uint64_t awaited_ = kNone;  // and the one whose rest is waited for
  std::chrono::nanoseconds awaited_since_{0};  // on the empty clock
  std::chrono::nanoseconds last_bytes_{0};     // when bytes came last, on the same clock
};

}  // namespace fifomq::core
