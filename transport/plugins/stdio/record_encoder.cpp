#include "record_encoder.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

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

// RFC 4648, section 4.
std::string base64(ByteView bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < here ? static_cast<unsigned>(bytes[i + k]) : 0);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= here ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

void append_json(std::string& line, const MessageView& message) {
  nlohmann::ordered_json object;
  object["topic"] = message.topic;
  object["type"] = message.type;
  const bool is_text = core::is_utf8(as_text(message.payload));
  object["payload"] = is_text ? std::string(as_text(message.payload)) : base64(message.payload);
  object["encoding"] = is_text ? "text" : "base64";
  const Origin origin = message.origin.value_or(Origin{});
  object["writer"] = origin.writer != 0 ? nlohmann::ordered_json(origin.writer) : nullptr;
  object["sequence"] = origin.sequence != 0 ? nlohmann::ordered_json(origin.sequence) : nullptr;
  object["sent_unix_nanos"] = message.sent_unix_nanos;
  object["hops"] = message.hops;
  line += object.dump();
}

}  // namespace

bool RecordEncoder::begin(const MessageView& message) {
  core::ByteBuffer& out = start();
  if (format_ == Format::raw) {
    out.append(message.payload);
    return true;
  }
  line_.clear();
  if (format_ == Format::text) append_text(line_, message.payload);
  if (format_ == Format::hex) append_hex(line_, message.payload);
  if (format_ == Format::json) append_json(line_, message);
  line_ += '\n';
  out.append(as_byte_view(line_));
  return true;
}

}  // namespace fifomq::stdio
