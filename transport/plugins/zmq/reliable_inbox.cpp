#include "reliable_inbox.hpp"

#include <algorithm>

namespace fifomq::zeromq {

using Kind = Header::Kind;

std::optional<Header> Inbox::take(const Header& header, std::string_view route) {
  ++now_;
  switch (header.kind) {
    case Kind::hello:
      return take_hello(header, route);
    case Kind::ping:
      return take_ping(header, route);
    case Kind::gap:
      if (Stream* const stream = find(header.stream); stream && header.epoch == stream->epoch) {
        skip_to(*stream, header.sequence);
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Header> Inbox::take_hello(const Header& header, std::string_view route) {
  if (header.version != kReliableVersion) {
    return Header{.kind = Kind::refused,
                  .stream = header.stream,
                  .epoch = header.epoch,
                  .version = kReliableVersion,
                  .reason = "the receiver speaks version " + std::to_string(kReliableVersion) +
                            " of the protocol, and the sender version " +
                            std::to_string(header.version)};
  }
  Stream* const known = find(header.stream);
  if (known && header.epoch < known->epoch) return std::nullopt;
  Stream* const stream = known ? known : make(header.stream);
  if (!stream) return std::nullopt;  // it will ask again
  stream->route = route;
  stream->epoch = header.epoch;
  skip_to(*stream, header.sequence);
  return greet(*stream);
}

std::optional<Header> Inbox::take_ping(const Header& header, std::string_view route) {
  Stream* const stream = find(header.stream);
  if (stream && header.epoch < stream->epoch) return std::nullopt;
  if (!stream || header.epoch > stream->epoch) {
    return Header{.kind = Kind::nack, .stream = header.stream, .epoch = header.epoch};
  }
  stream->route = route;
  if (header.sequence <= stream->next) return greet(*stream);
  stream->asked_for = stream->next;
  return Header{
      .kind = Kind::nack, .stream = stream->id, .epoch = stream->epoch, .next = stream->next};
}

Header Inbox::greet(Stream& stream) {
  stream.asked_for = 0;
  stream.acknowledged = stream.committed;
  return {.kind = Kind::welcome,
          .stream = stream.id,
          .sequence = stream.committed,
          .epoch = stream.epoch,
          .next = stream.next,
          .credit = credit_};
}

Inbox::Stream* Inbox::open(const Header& data, std::optional<Header>& answer) {
  ++now_;
  answer.reset();
  Stream* const stream = find(data.stream);
  if (!stream) {
    answer = Header{.kind = Kind::nack, .stream = data.stream};
    return nullptr;
  }
  if (data.sequence <= stream->next) return stream;
  if (stream->asked_for == stream->next) return nullptr;
  stream->asked_for = stream->next;
  answer = Header{
      .kind = Kind::nack, .stream = stream->id, .epoch = stream->epoch, .next = stream->next};
  return nullptr;
}

void Inbox::hand_out(Stream& stream) {
  const std::uint64_t sequence = stream.next++;
  ++handed_out_;
  ++stream.uncommitted;
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.stream == place_of(stream) && last.through + 1 == sequence &&
        last.first + last.messages == sequence) {
      ++last.messages;
      last.through = sequence;
      return;
    }
  }
  runs_.push_back({place_of(stream), sequence, 1, sequence});
}

void Inbox::drop(Stream& stream) {
  const std::uint64_t sequence = stream.next++;
  if (stream.uncommitted == 0) return committed(stream, sequence);
  for (std::size_t at = runs_.size(); at-- > 0;) {
    if (runs_[at].stream != place_of(stream)) continue;
    runs_[at].through = sequence;
    return;
  }
}

// What comes before is settled: it is not waited for.
void Inbox::skip_to(Stream& stream, std::uint64_t next) {
  if (next <= stream.next) return;
  stream.next = next;
  stream.asked_for = 0;
  committed(stream, next - 1);
}

void Inbox::commit(std::uint64_t n) {
  for (n = std::min(n, handed_out_); done_ < n;) {
    Run& run = runs_.front();
    Stream& stream = streams_[run.stream];
    const std::uint64_t count = std::min(n - done_, run.messages);
    done_ += count;
    stream.uncommitted -= count;
    run.first += count;
    run.messages -= count;
    committed(stream, run.messages == 0 ? run.through : run.first - 1);
    if (run.messages == 0) runs_.pop_front();
  }
}

void Inbox::committed(Stream& stream, std::uint64_t through) {
  if (through <= stream.committed) return;
  stream.committed = through;
  if (stream.owes_ack) return;
  stream.owes_ack = true;
  owing_.push_back(place_of(stream));
}

Inbox::Stream* Inbox::find(std::uint64_t id) {
  if (latest_ == kNone || streams_[latest_].id != id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return nullptr;
    latest_ = found->second;
  }
  streams_[latest_].heard_at = now_;
  return &streams_[latest_];
}

// Null when there is no place for it.
Inbox::Stream* Inbox::make(std::uint64_t id) {
  const std::size_t place = free_place();
  if (place == kNone) return nullptr;
  if (place == streams_.size()) {
    streams_.emplace_back();
  } else {
    places_.erase(streams_[place].id);
  }
  streams_[place] = Stream{.id = id, .heard_at = now_};
  places_[id] = latest_ = place;
  return &streams_[place];
}

std::size_t Inbox::free_place() const {
  if (streams_.size() < kMostStreams) return streams_.size();
  std::size_t oldest = kNone;
  for (std::size_t at = 0; at < streams_.size(); ++at) {
    if (streams_[at].uncommitted > 0 || streams_[at].owes_ack) continue;
    if (oldest == kNone || streams_[at].heard_at < streams_[oldest].heard_at) oldest = at;
  }
  return oldest;
}

}  // namespace fifomq::zeromq
