// Adds records to a spool, one segment after the other. Never to a segment that was there before:
// what a crash has torn stays as it is, and its reader steps over it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <fifomq/message.hpp>

#include "core/byte_buffer.hpp"
#include "core/unique_fd.hpp"
#include "spool_folder.hpp"
#include "written_mark.hpp"

namespace fifomq::spool {

// So much of what is done with may still be on the disk.
inline constexpr std::uint64_t kMostSegmentBytes = std::uint64_t{16} << 20;
inline constexpr std::uint64_t kLeastSegmentBytes = std::uint64_t{64} << 10;

class SegmentWriter {
 public:
  // `folder` outlives the writer. Throws Error.
  SegmentWriter(const SpoolFolder& folder, const SpoolOptions& options);

  // Makes the next record of that message, which append() adds, as often as it is asked until it
  // succeeds. Returns its size.
  std::uint64_t prepare(const MessageView& message);
  // The errno of what failed, and then nothing was added; or 0.
  int append();

  // From now on the receiver may be told a moment later: whoever calls append() then asks
  // take_owes_telling(), and has mark().tell_if_due() called if it says so.
  void tell_later() { tells_later_ = true; }
  bool take_owes_telling() { return std::exchange(owes_telling_, false); }
  WrittenMark& mark() { return mark_; }

  // Of the stream of records; how much of it waits for the receiver, as far as is known; and what
  // may be new about that.
  std::uint64_t end() const { return end_; }
  std::uint64_t waiting() const { return end_ - committed_; }
  void look_at_committed();
  const StateFile& committed_file() const { return state_.committed.file(); }

  // The file that was added to last, and whether its name is new since this was asked last.
  const std::shared_ptr<core::UniqueFd>& file() const { return file_; }
  bool take_new_name() { return std::exchange(new_name_, false); }

 private:
  std::uint64_t first_free(const std::vector<Segment>& segments) const;
  int begin_segment();
  int write_record();
  void seal();
  bool is_full() const { return is_named_ && end_ - segment_.base >= segment_bytes_; }

  const SpoolFolder& folder_;
  const std::uint64_t segment_bytes_;
  SpoolState state_;
  WrittenMark mark_;
  bool tells_later_ = false;
  bool owes_telling_ = false;
  std::uint64_t committed_ = 0;
  std::uint64_t end_ = 0;
  Segment segment_;
  std::shared_ptr<core::UniqueFd> file_;
  bool is_named_ = false;  // the segment has a record, and so its name
  bool new_name_ = false;
  core::ByteBuffer record_;
};

}  // namespace fifomq::spool
