#include "core/nested_frames.hpp"

#include <algorithm>

namespace fifomq::core {
namespace {

using Candidate = FrameScanner::Candidate;
using Inside = NestedFrames::Inside;
using Verdict = FrameScanner::Verdict;

std::uint64_t inside_of(const Candidate& outer) { return outer.beginning + kFrameBeginning.size(); }

bool possible(const Candidate& candidate) {
  return candidate.verdict == Verdict::whole || candidate.verdict == Verdict::incomplete;
}

// A beginning so near that the length in front of it may start inside. Where it can be read as that
// of the next frame in its place, none of it is inside.
Inside readings_near_end(FrameScanner& scanner, std::uint64_t beginning, const Candidate& outer,
                         NestedFrames::Patience patience) {
  Inside answer = Inside::nothing;
  for (std::uint64_t length = 1; length <= kMaxLengthBytes; ++length) {
    if (beginning < inside_of(outer) + length) break;
    const std::uint64_t start = beginning - length;
    const Candidate candidate = scanner.examine(start);
    if (start >= outer.end()) {
      if (possible(candidate)) return Inside::nothing;
    } else if (candidate.stands_alone()) {
      return Inside::whole_frame;
    } else if (candidate.verdict == Verdict::incomplete &&
               patience != NestedFrames::Patience::none) {
      answer = Inside::undecided;
    }
  }
  return answer;
}

Inside near_end(FrameScanner& scanner, const Candidate& outer, NestedFrames::Patience patience) {
  const std::uint64_t last = std::min(outer.end() + kMaxLengthBytes - 1, scanner.end());
  for (std::uint64_t place = outer.end() + 1; place <= last; ++place) {
    if (scanner.beginning_at(place) == kFrameBeginning.size()) {
      return readings_near_end(scanner, place, outer, patience);
    }
  }
  if (patience != NestedFrames::Patience::full) return Inside::nothing;
  // Sync bytes of which some, or none yet, stand at the end of what is here.
  const std::uint64_t most = std::min(scanner.end() - inside_of(outer), kFrameBeginning.size() - 1);
  for (std::uint64_t place = scanner.end() - most; place <= last; ++place) {
    if (scanner.beginning_at(place) < scanner.end() - place) continue;
    if (readings_near_end(scanner, place, outer, patience) != Inside::nothing)
      return Inside::undecided;
  }
  return Inside::nothing;
}

}  // namespace

Inside NestedFrames::look(FrameScanner& scanner, const Candidate& outer, Patience patience) {
  forget_before(inside_of(outer));
  if (scanner.end() >= next_needed_ || patience == Patience::none) examine_again(scanner, patience);
  const bool complete = search(scanner, inside_of(outer), outer.end(), patience);
  if (first_whole_ && first_whole_->beginning <= outer.end()) return Inside::whole_frame;
  if (!complete) return Inside::undecided;
  const bool undecided = !places_.empty() && places_.front().beginning <= outer.end();
  const Inside behind = near_end(scanner, outer, patience);
  return behind == Inside::nothing && undecided ? Inside::undecided : behind;
}

void NestedFrames::forget_before(std::uint64_t start) {
  while (!places_.empty() && places_.front().start < start) places_.pop_front();
  if (first_whole_ && first_whole_->start < start) find_whole();
  searched_ = std::max(searched_, start);
}

void NestedFrames::examine_again(FrameScanner& scanner, Patience patience) {
  next_needed_ = kNever;
  auto kept = places_.begin();
  for (Place& place : places_) {
    if (place.needed != kWhole && scanner.end() >= place.needed) {
      const Candidate candidate = scanner.examine(place.start);
      if (!candidate.stands_alone() && candidate.verdict != Verdict::incomplete) continue;
      place.needed = candidate.stands_alone() ? kWhole : candidate.needed;
    }
    if (place.needed != kWhole) {
      if (patience == Patience::none) continue;
      next_needed_ = std::min(next_needed_, place.needed);
    }
    *kept++ = place;
  }
  places_.erase(kept, places_.end());
  find_whole();
}

// Up to the end, or to the first whole frame. False when there are too many places to remember.
bool NestedFrames::search(FrameScanner& scanner, std::uint64_t inside, std::uint64_t end,
                          Patience patience) {
  while (!first_whole_ && searched_ <= end) {
    const auto beginning = scanner.find_beginning(searched_);
    if (!beginning) {
      searched_ =
          std::max(searched_, scanner.end() - std::min(scanner.end(), kFrameBeginning.size() - 1));
      return true;
    }
    searched_ = *beginning;
    if (searched_ > end) return true;
    if (places_.size() >= kMostPlaces) return false;
    add_readings(scanner, *beginning, inside, patience);
    ++searched_;
  }
  return true;
}

// Any digit of the length in front may be where it starts.
void NestedFrames::add_readings(FrameScanner& scanner, std::uint64_t beginning,
                                std::uint64_t inside, Patience patience) {
  const auto first = static_cast<std::ptrdiff_t>(places_.size());
  for (std::uint64_t length = 1; length <= kMaxLengthBytes && beginning >= inside + length;
       ++length) {
    const Candidate candidate = scanner.examine(beginning - length);
    const bool whole = candidate.stands_alone();
    const bool undecided = candidate.verdict == Verdict::incomplete && patience != Patience::none;
    if (!whole && !undecided) continue;
    const Place place{candidate.start, beginning, whole ? kWhole : candidate.needed};
    places_.insert(places_.begin() + first, place);
    if (whole) first_whole_ = place;
    if (undecided) next_needed_ = std::min(next_needed_, place.needed);
  }
}

void NestedFrames::find_whole() {
  const auto found = std::ranges::find(places_, kWhole, &Place::needed);
  first_whole_ = found == places_.end() ? std::nullopt : std::optional(*found);
}

}  // namespace fifomq::core
