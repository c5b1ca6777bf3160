#include "record_encoder.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

#include "core/base64.hpp"
#include "core/shown_payload.hpp"
#include "core/utf8.hpp"

namespace fifomq::stdio {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_hex(std::string& line, ByteView bytes) {
  for (const std::byte byte : bytes) {
    line += kHexDigits[static_cast<std::size_t>(byte) >> 4];
    line += kHexDigits[static_cast<std::size_t>(byte) & 0xF];
  }
}

void append_text(std::string& line, ByteView bytes) {
  for (const std::byte byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (value == '\n') {
      line += "\\n";
    } else if (value == '\r') {
      line += "\\r";
    } else if ((value < 0x20 && value != '\t') || value == 0x7F) {
      line += "\\x";
      append_hex(line, ByteView(&byte, 1));
    } else {
      line += static_cast<char>(value);
    }
  }
}

std::string members_of_payload(ByteView payload) {
  const bool is_text = core::is_utf8(as_text(payload));
  if (!is_text) return core::shown_members({.text = core::base64(payload)});
  return R"("payload":)" + nlohmann::json(as_text(payload)).dump() + R"(,"encoding":"text")";
}

// The members of `first`, those of `middle`, and those of `last` in one object.
std::string joined(const nlohmann::ordered_json& first, const std::string& middle,
                   const nlohmann::ordered_json& last) {
  std::string object = first.dump();
  object.back() = ',';
  return object + middle + "," + last.dump().substr(1);
}

std::string json_line(const MessageView& message, const std::string& payload) {
  nlohmann::ordered_json first;
  first["topic"] = message.topic;
  first["type"] = message.type;
  nlohmann::ordered_json last;
  const Origin origin = message.origin.value_or(Origin{});
  last["writer"] = origin.writer != 0 ? nlohmann::ordered_json(origin.writer) : nullptr;
  last["sequence"] = origin.sequence != 0 ? nlohmann::ordered_json(origin.sequence) : nullptr;
  last["sent_unix_nanos"] = message.sent_unix_nanos;
  last["hops"] = message.hops;
  return joined(first, payload, last);
}

}  // namespace

bool RecordEncoder::begin(const MessageView& message) {
  core::ByteBuffer& out = start();
  if (format_ == Format::raw) {
    out.append(message.payload);
    return true;
  }
  line_.clear();
  if (format_ == Format::text) add_text(message);
  if (format_ == Format::hex) append_hex(line_, message.payload);
  if (format_ == Format::json) {
    line_ = json_line(
        message, show_ ? core::shown_members(show_(message)) : members_of_payload(message.payload));
  }
  line_ += '\n';
  out.append(as_byte_view(line_));
  return true;
}

void RecordEncoder::add_text(const MessageView& message) {
  if (!show_) return append_text(line_, message.payload);
  const std::string shown = core::shown_line(show_(message));
  append_text(line_, as_byte_view(shown));
}

}  // namespace fifomq::stdio
