// The self-synchronising reader of delimited frames. It believes nothing before it is checked:
// where a frame turns out broken it looks, from the byte behind that frame's start, for the next
// one that is whole.
//
// The bytes that were not used up always start at one of these:
//   in step      where a frame must begin, because the one before it was whole;
//   out of step  somewhere; the next frame is searched by its sync bytes.
#pragma once

#include <string>

#include "core/decoder.hpp"
#include "core/frame_scanner.hpp"
#include "core/nested_frames.hpp"
#include "core/reassembler.hpp"
#include "core/writer_ledger.hpp"

namespace fifomq::core {

class FrameDecoder final : public Decoder {
 public:
  explicit FrameDecoder(const DecoderLimits& limits, Notice notice = {});

  bool next(MessageView& message) override;
  std::uint64_t needed_from() const override;
  void gone_until(std::uint64_t place) override;
  void write_half_done(ByteBuffer& out) const override;
  void kept_until(std::uint64_t place) override;
  bool has_kept() const override;
  std::uint64_t wanted(std::uint64_t messages) const override;
  bool waiting() const override;

 protected:
  void on_empty() override;
  Held held() const override;

 private:
  using Candidate = FrameScanner::Candidate;
  using Verdict = FrameScanner::Verdict;
  using Inside = NestedFrames::Inside;

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  Inside look_inside(const Candidate& outer);
  bool hopeless(const Candidate& candidate);
  bool next_plain(MessageView& message);
  void count_missing(const Origin& origin);
  bool next_in_step(MessageView& message, bool& found);
  bool take(const Candidate& head, const Frame& frame, MessageView& message);
  void lose_step(const Candidate& head);
  bool hunt();
  bool hunt_at(std::uint64_t beginning, bool& undecided);
  bool step_to(std::uint64_t start);
  void drop_hopeless_tail();
  bool first_look_at(std::uint64_t beginning);
  bool aged() const { return empty_clock() - awaited_since_ >= limits_.frame_timeout; }

  const DecoderLimits limits_;
  // Each says its sentence once.
  Notice notice_;
  Notice gap_notice_;
  FrameScanner scanner_;
  NestedFrames nested_;
  Reassembler reassembler_;
  WriterLedger writers_;
  std::string unknown_;  // unknown fields of the frame at the head
  bool in_step_ = true;
  // Positions in the stream.
  std::uint64_t head_end_ = 0;     // where an incomplete frame at the head would end, if known
  std::uint64_t least_start_ = 0;  // out of step, no frame starts before
  std::uint64_t kept_ = 0;         // what lies before is kept elsewhere
  std::uint64_t searched_ = 0;     // nor begins, but where one is looked at now
  std::uint64_t judged_ = kNone;   // the beginning that was counted last
  std::uint64_t awaited_ = kNone;  // and the one whose rest is waited for
  std::chrono::nanoseconds awaited_since_{0};  // on the empty clock
};

}  // namespace fifomq::core
