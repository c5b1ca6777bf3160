// What a receiver does with the body of each message that came as one: takes its frame, or counts
// why it does not and says so the first time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fifomq/counters.hpp>
#include <fifomq/message.hpp>

#include "core/decoder.hpp"

namespace fifomq::core {

class BodyReader {
 public:
  static constexpr std::string_view kNoFrame = "a message is no whole fifomq.v1.Frame";

  // `max_message` in bytes. `no_frame` is said of what is none, and points to static storage.
  BodyReader(std::uint64_t max_message, Notice notice, std::string_view no_frame = kNoFrame)
      : max_message_(max_message), notice_(std::move(notice)), no_frame_(no_frame) {}

  // These are false when the message was refused. The views point into `body` and into this.
  bool read(ByteView body, MessageView& message, Counters& counters);
  bool fits(const MessageView& message, Counters& counters);
  bool refuse(std::uint64_t Counters::*reason, std::string_view sentence, Counters& counters);

  // Whatever is said first is all that is said.
  void say(std::string_view sentence);

 private:
  const std::uint64_t max_message_;
  Notice notice_;
  const std::string_view no_frame_;
  std::string unknown_;  // fields
};

}  // namespace fifomq::core
