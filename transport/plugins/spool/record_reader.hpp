// Reads the records of a spool in their order, over all segments, past whatever is damaged. Takes
// nothing out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include <fifomq/counters.hpp>
#include <fifomq/message.hpp>

#include "core/byte_buffer.hpp"
#include "core/decoder.hpp"
#include "core/writer_ledger.hpp"
#include "spool_folder.hpp"
#include "state_file.hpp"

namespace fifomq::spool {

class RecordReader {
 public:
  enum class Look {
    message,
    progress,  // something was read or skipped; look again
    nothing,   // for now
  };
  // A segment that has been read to its end, and will not be added to any more.
  struct Passed {
    Segment segment;
    std::uint64_t end;
  };

  // `folder` and `written` outlive the reader, which begins at `position` or, where it is not
  // known, with the oldest record there is. `notice` hears of damage, once for each segment.
  RecordReader(const SpoolFolder& folder, const StateFile& written, SpoolOptions options,
               std::optional<std::uint64_t> position, core::Notice notice);

  // The view is valid until the next call. Does a bounded piece of work. Throws Error.
  Look next(MessageView& message);

  // Where what follows the last message begins, or the last damage.
  std::uint64_t position() const { return position_; }
  const Counters& counters() const { return counters_; }
  // In which the last message stands.
  const core::UniqueFd& file() const { return file_; }
  // In their order; whoever takes them away takes them out of the list.
  std::deque<Passed>& passed() { return passed_; }

 private:
  ByteView unread() const { return buffer_.view().subspan(used_); }
  std::uint64_t read_to() const { return position_ + unread().size(); }
  Place place() const { return {segment_.salt, position_}; }

  void begin_at(std::optional<std::uint64_t> position);
  // Whether some of so many bytes from here on may not be in their final state yet.
  bool may_change(std::uint64_t size) const { return !sealed_ && position_ + size > written_end_; }
  bool enter();
  void leave();
  void list();
  std::uint64_t limit() const;
  bool has_later() const { return !later_.empty() || written_base_ >= next_base_; }

  bool fill(std::size_t wanted);
  bool learn();
  Look look_at_end();
  void drop_half();
  Look wait();
  Look step_over_damage();
  Look take(std::size_t body_size, MessageView& message);
  bool decode(ByteView body, MessageView& message);
  void use(std::size_t count);
  void skip(std::uint64_t count);
  void miss_until(std::uint64_t position);
  void announce(std::uint64_t bytes, const char* what) noexcept;

  const SpoolFolder& folder_;
  const StateFile& written_;
  const SpoolOptions options_;
  const core::Notice notice_;

  Segment segment_;              // the last one that was entered
  std::uint64_t next_base_ = 0;  // where the next one begins at the earliest
  core::UniqueFd file_;          // invalid between two segments
  std::deque<Segment> later_;    // that are known
  std::deque<Passed> passed_;
  std::uint64_t position_ = 0;  // of the first unread byte
  // What the sender said last: where its segment begins, and up to where its records are whole.
  std::uint64_t written_base_ = 0;
  std::uint64_t written_end_ = 0;
  bool sealed_ = false;  // the segment will not grow
  bool in_step_ = true;  // a record has to begin here
  bool announced_ = false;
  core::ByteBuffer buffer_;
  std::size_t used_ = 0;
  std::string unknown_;  // fields of the message
  core::WriterLedger writers_;
  Counters counters_;
};

}  // namespace fifomq::spool
