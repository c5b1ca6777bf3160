// What every message of every run holds, so that every receiver does the same with it.
//   bytes 0-7    sequence number of its writer, the writer, and whether it is the writer's last
//   bytes 8-15   a time, where the run measures one
//   last byte    the sequence number's lowest byte
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <fifomq/message.hpp>

#include "failure.hpp"

namespace compare {

using fifomq::ByteView;
using Clock = std::chrono::steady_clock;  // one clock for all processes of the machine

inline constexpr std::size_t kSmallestMessageBytes = 24;
inline constexpr std::uint64_t kHandshake = 0;  // the sequence number of a writer's first message

struct Mark {
  std::uint64_t sequence = kHandshake;
  unsigned writer = 0;
  bool last = false;
  std::chrono::nanoseconds time{};
};

class Payload {
 public:
  explicit Payload(std::size_t size_bytes) : bytes_(size_bytes, std::byte{0x5A}) {}

  ByteView marked(const Mark& mark) {
    const std::uint64_t word =
        (mark.last ? kLastBit : 0) | std::uint64_t{mark.writer} << kWriterShift | mark.sequence;
    const std::int64_t time = mark.time.count();
    std::memcpy(bytes_.data(), &word, sizeof word);
    std::memcpy(bytes_.data() + sizeof word, &time, sizeof time);
    bytes_.back() = static_cast<std::byte>(mark.sequence);
    return bytes_;
  }

  // Throws Failure for a payload that is none of these.
  static Mark read(ByteView payload, std::size_t size_bytes) {
    if (payload.size() != size_bytes) {
      throw Failure("a message of " + std::to_string(size_bytes) + " bytes came as " +
                    std::to_string(payload.size()));
    }
    std::uint64_t word = 0;
    std::int64_t time = 0;
    std::memcpy(&word, payload.data(), sizeof word);
    std::memcpy(&time, payload.data() + sizeof word, sizeof time);
    const Mark mark{.sequence = word & kSequenceMask,
                    .writer = static_cast<unsigned>((word & ~kLastBit) >> kWriterShift),
                    .last = (word & kLastBit) != 0,
                    .time = std::chrono::nanoseconds(time)};
    if (payload.back() != static_cast<std::byte>(mark.sequence)) {
      throw Failure("message " + std::to_string(mark.sequence) + " came damaged");
    }
    return mark;
  }

 private:
  static constexpr std::uint64_t kLastBit = std::uint64_t{1} << 63;
  static constexpr unsigned kWriterShift = 48;
  static constexpr std::uint64_t kSequenceMask = (std::uint64_t{1} << kWriterShift) - 1;

  std::vector<std::byte> bytes_;
};

}  // namespace compare
