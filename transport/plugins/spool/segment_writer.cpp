#include "segment_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/frame_body.hpp"
#include "core/identity.hpp"
#include "core/posix.hpp"

namespace fifomq::spool {
namespace {

// A segment has this name until its first record is in it: none is ever found empty.
constexpr const char* kNext = "next";

}  // namespace

SegmentWriter::SegmentWriter(const SpoolFolder& folder, const SpoolOptions& options)
    : folder_(folder),
      segment_bytes_(std::clamp(options.size_bytes / 8, kLeastSegmentBytes, kMostSegmentBytes)),
      state_(folder, options),
      mark_(state_.written) {
  const auto segments = folder.segments();
  committed_ = segments.empty() ? 0 : segments.front().base;
  look_at_committed();
  end_ = std::max(first_free(segments), committed_);
  if (segments.empty()) committed_ = end_;
  // Closes what an earlier sender has left, which may end in half a record.
  mark_.move_to({end_, end_}, WrittenMark::Tell::now);
  // Who has too few descriptors for one segment learns it here, not with the first message. What
  // else is in the way, append() meets again.
  const int error = begin_segment();
  if (core::is_used_up(error)) throw core::system_error(error, options.endpoint, "begin a segment");
}

// Behind all that has ever been there, also where the disk has lost some of it. Whatever a full
// disk has left at the end of an earlier segment, a later one begins before it.
std::uint64_t SegmentWriter::first_free(const std::vector<Segment>& segments) const {
  std::uint64_t end = 0;
  if (!segments.empty()) {
    const Segment& last = segments.back();
    struct stat status {};
    const core::UniqueFd file = folder_.open(last);
    if (file) fstat(file.get(), &status);
    end = last.base + std::max(static_cast<std::uint64_t>(status.st_size), std::uint64_t{1});
  }
  const auto written = state_.written.load();
  return written ? std::max(end, written->second) : end;
}

void SegmentWriter::look_at_committed() {
  if (const auto committed = state_.committed.load()) committed_ = std::max(committed_, *committed);
}

std::uint64_t SegmentWriter::prepare(const MessageView& message) {
  record_.clear();
  if (record_.capacity() > kKeptBytes && message.payload.size() < kKeptBytes) record_.release();
  const core::FrameBody body(message);
  const std::size_t size = kHeadBytes + body.size();
  record_.reserve(size);
  body.write(record_.data() + kHeadBytes);
  record_.add_size(size);
  return size;
}

int SegmentWriter::append() {
  if (!file_ || is_full()) {
    if (const int error = begin_segment(); error != 0) return error;
  }
  if (const int error = write_record(); error != 0) {
    seal();
    return error;
  }
  const bool begins = !is_named_;
  if (begins) {
    if (renameat(folder_.fd(), kNext, folder_.fd(), segment_.name().data()) != 0) return errno;
    is_named_ = new_name_ = true;
  }
  end_ += record_.size();
  // Nobody looks for another segment before it is told of one.
  const bool may_wait = tells_later_ && !begins;
  owes_telling_ = mark_.move_to({segment_.base, end_},
                                may_wait ? WrittenMark::Tell::soon : WrittenMark::Tell::now);
  return 0;
}

int SegmentWriter::begin_segment() {
  core::UniqueFd file(openat(folder_.fd(), kNext,
                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!file) return errno;
  file_ = std::make_shared<core::UniqueFd>(std::move(file));
  segment_ = {.salt = core::random_id32(), .base = end_};
  is_named_ = false;
  return 0;
}

// A receiver can take the segment away once it has read it, which may be the room that is missing.
void SegmentWriter::seal() {
  if (!is_named_) return;
  [[maybe_unused]] const int cut =
      ftruncate(file_->get(), static_cast<off_t>(end_ - segment_.base));
  file_.reset();
  is_named_ = false;
  mark_.move_to({end_, end_}, WrittenMark::Tell::now);
}

// In one write, if the disk takes it so.
int SegmentWriter::write_record() {
  write_head(record_.data(), {segment_.salt, end_}, record_.size() - kHeadBytes);
  ByteView rest = record_.view();
  while (!rest.empty()) {
    const auto place = static_cast<off_t>(end_ - segment_.base + (record_.size() - rest.size()));
    const ssize_t count = pwrite(file_->get(), rest.data(), rest.size(), place);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : ENOSPC;
    rest = rest.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

}  // namespace fifomq::spool
