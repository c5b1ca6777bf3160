#include "core/body_reader.hpp"

#include <utility>

#include "core/frame_body.hpp"

namespace fifomq::core {

bool BodyReader::read(ByteView body, MessageView& message, Counters& counters) {
  const ParseStatus status = read_frame_body(body, message, unknown_);
  if (status == ParseStatus::wrong_check) ++counters.frames_damaged;
  if (status != ParseStatus::parsed) return refuse(&Counters::undecodable, no_frame_, counters);
  return fits(message, counters);
}

bool BodyReader::fits(const MessageView& message, Counters& counters) {
  if (message.payload.size() <= max_message_) return true;
  return refuse(
      &Counters::too_large,
      "a message of " + std::to_string(message.payload.size()) + " bytes is over max_message",
      counters);
}

bool BodyReader::refuse(std::uint64_t Counters::*reason, std::string_view sentence,
                        Counters& counters) {
  ++(counters.*reason);
  say(sentence);
  return false;
}

void BodyReader::say(std::string_view sentence) {
  if (notice_) std::exchange(notice_, {})(sentence);
}

}  // namespace fifomq::core
