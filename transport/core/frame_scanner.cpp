#include "core/frame_scanner.hpp"

#include <algorithm>
#include <cstring>

#include "core/checksum.hpp"
#include "core/frame_tags.hpp"
#include "core/varint.hpp"

namespace fifomq::core {
namespace {

// Larger bodies are worth the index of checksums.
constexpr std::size_t kDirectBytes = 16'384;

// How many of the sync field's bytes are here, if what is here agrees with it.
std::optional<std::size_t> visible_beginning(ByteView body) {
  const std::size_t visible = std::min(body.size(), kFrameBeginning.size());
  if (as_text(body.first(visible)) != kFrameBeginning.substr(0, visible)) return std::nullopt;
  return visible;
}

}  // namespace

FrameScanner::Candidate FrameScanner::examine(std::uint64_t start) {
  Frame frame;
  return examine(start, frame, scratch_);
}

FrameScanner::Candidate FrameScanner::examine(std::uint64_t start, Frame& frame,
                                              std::string& unknown) {
  const ByteView rest = bytes_.subspan(start - position_);
  Candidate candidate{.start = start, .beginning = start, .needed = end() + 1};
  ByteView body = rest;
  std::uint64_t size = 0;
  const TakeStatus status = take_varint(body, size);
  if (status == TakeStatus::incomplete && rest.size() < kMaxVarintBytes) {
    candidate.verdict = Verdict::incomplete;
    return candidate;
  }
  const std::size_t length_bytes = rest.size() - body.size();
  candidate.beginning += length_bytes;
  const auto visible = visible_beginning(body);
  if (status != TakeStatus::taken || length_bytes != varint_size(size) ||
      size < kFrameBeginning.size() || !visible) {
    return candidate;
  }
  candidate.size = length_bytes + size;
  candidate.began = visible == kFrameBeginning.size();
  candidate.verdict = Verdict::incomplete;
  if (!candidate.began) return candidate;
  if (size > max_message_ + kMaxHeaderBytes) {
    candidate.verdict = Verdict::too_large;
    return candidate;
  }
  // Second field, or none: its tag tells before the rest is here.
  candidate.checked = body.size() == *visible || body[*visible] == kCheckTag;
  const ByteView here = body.first(std::min<std::size_t>(body.size(), size));
  const ParsedFields parsed = parse_fields(here, size, frame, unknown);
  if (parsed.status == ParseStatus::incomplete) {
    candidate.needed = candidate.beginning + parsed.needed;
    return candidate;
  }
  candidate.verdict = Verdict::broken;
  if (parsed.status != ParseStatus::parsed || !check_is_right(parsed, candidate.beginning, size)) {
    return candidate;
  }
  candidate.verdict = Verdict::whole;
  candidate.checked = frame.checked = parsed.check.has_value();
  candidate.has_payload = frame.payload.data() != nullptr;
  return candidate;
}

bool FrameScanner::check_is_right(const ParsedFields& parsed, std::uint64_t body,
                                  std::size_t size) {
  if (!parsed.check) return true;
  const std::size_t from = body - position_ + kCheckedFrom;
  const std::size_t to = body - position_ + size;
  return *parsed.check == (size <= kDirectBytes ? crc32c(bytes_.subspan(from, to - from))
                                                : checksums_.crc32c(bytes_, position_, from, to));
}

std::optional<std::uint64_t> FrameScanner::find_beginning(std::uint64_t from) const {
  if (from >= end()) return std::nullopt;
  const std::size_t skipped = from - position_;
  const void* found = memmem(bytes_.data() + skipped, bytes_.size() - skipped,
                             kFrameBeginning.data(), kFrameBeginning.size());
  if (found == nullptr) return std::nullopt;
  return position_ +
         static_cast<std::uint64_t>(static_cast<const std::byte*>(found) - bytes_.data());
}

std::size_t FrameScanner::beginning_at(std::uint64_t place) const {
  return visible_beginning(bytes_.subspan(place - position_)).value_or(0);
}

}  // namespace fifomq::core
