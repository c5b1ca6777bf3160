// The sender's half of the protocol, without sockets and without a clock: what is kept until it is
// acknowledged, what is to be sent next, and what an answer means. RELIABLE.md has the rules.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "reliable_header.hpp"
#include "ring.hpp"

namespace fifomq::zeromq {

// `Body` is a second part of DATA: one or more messages.
template <typename Body>
class Outbox {
 public:
  // Before a receiver has said how much it takes, so much may be on the way to it, in bytes.
  static constexpr std::uint64_t kFirstCredit = std::uint64_t{256} << 10;

  struct Parcel {
    Body body{};
    std::uint64_t first = 0;  // sequence
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;   // of the second part
    std::uint64_t memory = 0;  // bytes

    std::uint64_t end() const { return first + messages; }
  };

  explicit Outbox(std::uint64_t stream) : stream_(stream) {}

  std::uint64_t stream() const { return stream_; }

  // Messages 1 ... accepted() are kept or were acknowledged.
  std::uint64_t accepted() const { return end_ - 1; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  // Messages 1 ... sent() have been on their way at least once.
  std::uint64_t sent() const { return sent_; }
  std::uint64_t memory() const { return memory_; }
  bool all_acknowledged() const { return acknowledged_ == accepted(); }

  void keep(Body body, std::uint64_t messages, std::uint64_t bytes, std::uint64_t memory) {
    parcels_.push_back({std::move(body), end_, messages, bytes, memory});
    end_ += messages;
    memory_ += memory;
  }

  // A connection has come about, or the receiver does not know the stream: all that is not
  // acknowledged goes again.
  void begin_epoch() {
    ++epoch_;
    greeted_ = false;
    refusal_.reset();
    rewind(0);
    reply_ = Header::Kind::hello;
  }

  // HELLO or GAP, which go before anything else. With what is acknowledged by now: the receiver
  // that was there before may have said so when the next one had already come.
  std::optional<Header> reply() const {
    if (!reply_) return std::nullopt;
    return Header{.kind = *reply_,
                  .stream = stream_,
                  .sequence = acknowledged_ + 1,
                  .epoch = epoch_,
                  .version = *reply_ == Header::Kind::hello ? kReliableVersion : 0};
  }
  void replied() { reply_.reset(); }

  // What to send next; null when there is nothing, or no credit for it.
  Parcel* next() {
    if (epoch_ == 0 || reply_ || refusal_ || cursor_ == parcels_.size()) return nullptr;
    Parcel& parcel = parcels_[cursor_];
    const std::uint64_t credit = greeted_ ? credit_ : std::min(credit_, kFirstCredit);
    return on_the_way_ == 0 || on_the_way_ + parcel.bytes <= credit ? &parcel : nullptr;
  }
  // How many of its messages have not been on their way before.
  std::uint64_t new_messages(const Parcel& parcel) const {
    return parcel.end() - 1 > sent_ ? parcel.messages : 0;
  }
  void next_is_sent() {
    const Parcel& parcel = parcels_[cursor_++];
    on_the_way_ += parcel.bytes;
    sent_ = std::max(sent_, parcel.end() - 1);
  }
  // What has been sent has been sent on the connection that there is.
  bool nothing_goes_again() const { return cursor_ == parcels_.size() && !reply_; }

  // Whether an answer is due; when none comes for a while, the receiver is asked with ping().
  bool awaits_answer() const { return epoch_ > 0 && !refusal_ && (!greeted_ || cursor_ > 0); }
  Header ping() const {
    return {.kind = Header::Kind::ping,
            .stream = stream_,
            .sequence = cursor_ < parcels_.size() ? parcels_[cursor_].first : end_,
            .epoch = epoch_};
  }

  void take(const Header& header) {
    if (header.stream != stream_) return;
    switch (header.kind) {
      case Header::Kind::ack:
        return acknowledge(header.sequence);
      case Header::Kind::welcome:
        acknowledge(header.sequence);
        if (header.epoch == epoch_) take_welcome(header);
        return;
      case Header::Kind::nack:
        return take_nack(header);
      case Header::Kind::refused:
        if (header.epoch == epoch_ && !greeted_) refusal_ = header;
        return;
      default:
        return;
    }
  }

  // The receiver will have none of it, for the reason in there.
  const std::optional<Header>& refusal() const { return refusal_; }

 private:
  friend class OutboxState;  // the tests' search of all states

  // However late, and from whichever connection: what was committed stays so. Nobody can have what
  // was not sent.
  void acknowledge(std::uint64_t through) {
    if (through > sent_ || through <= acknowledged_) return;
    acknowledged_ = through;
    while (!parcels_.empty() && parcels_.front().end() - 1 <= through) {
      memory_ -= parcels_.front().memory;
      if (cursor_ > 0) {
        --cursor_;
        on_the_way_ -= parcels_.front().bytes;
      }
      parcels_.pop_front();
    }
  }

  void take_welcome(const Header& header) {
    greeted_ = true;
    credit_ = header.credit;
    // What it has had of an earlier connection is not sent again.
    while (cursor_ < parcels_.size() && parcels_[cursor_].end() <= header.next &&
           parcels_[cursor_].end() - 1 <= sent_) {
      on_the_way_ += parcels_[cursor_++].bytes;
    }
  }

  void take_nack(const Header& header) {
    if (refusal_) return;
    if (header.next == 0) {
      // Of an unknown stream: what it had not heard yet, or has forgotten.
      if (header.epoch == epoch_ || (header.epoch == 0 && greeted_)) begin_epoch();
      return;
    }
    if (header.epoch != epoch_ || header.next >= end_) return;
    if (header.next <= acknowledged_) reply_ = Header::Kind::gap;
    std::size_t at = 0;
    while (at < parcels_.size() && parcels_[at].end() <= header.next) ++at;
    if (at < cursor_) rewind(at);
  }

  void rewind(std::size_t to) {
    cursor_ = to;
    on_the_way_ = 0;
    for (std::size_t at = 0; at < to; ++at) on_the_way_ += parcels_[at].bytes;
  }

  std::uint64_t stream_;
  Ring<Parcel> parcels_;
  std::size_t cursor_ = 0;  // of the parcel to send next
  std::uint64_t end_ = 1;   // sequence of the message accepted next
  std::uint64_t acknowledged_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t memory_ = 0;      // bytes of all parcels
  std::uint64_t on_the_way_ = 0;  // bytes of the parcels before the cursor
  std::uint64_t epoch_ = 0;       // 0 = nobody has been there yet
  bool greeted_ = false;          // by WELCOME, in this epoch
  std::uint64_t credit_ = kFirstCredit;
  std::optional<Header::Kind> reply_;  // that is to be said
  std::optional<Header> refusal_;
};

}  // namespace fifomq::zeromq
