#include "core/frame_body.hpp"

namespace fifomq::core {
namespace {

ParseStatus read_body(ByteView body, MessageView& message, std::string& unknown,
                      bool checked_alone) {
  if (read_plain_body(body, message)) return ParseStatus::parsed;
  Frame frame;
  const auto status = parse_body(body, frame, unknown);
  if (status != ParseStatus::parsed) return status;
  if (frame.is_fragment() || (checked_alone && !frame.checked)) return ParseStatus::invalid;
  message = to_message(frame);
  return status;
}

}  // namespace

ParseStatus read_frame_body(ByteView body, MessageView& message, std::string& unknown) {
  return read_body(body, message, unknown, false);
}

ParseStatus read_checked_body(ByteView body, MessageView& message, std::string& unknown) {
  return read_body(body, message, unknown, true);
}

}  // namespace fifomq::core
