// How those who print messages for people put in a payload that was made readable for them.
#pragma once

#include <string>

#include <fifomq/transport.hpp>

namespace fifomq::core {

// On a line by itself. No JSON begins like the other one.
inline std::string shown_line(const ShownPayload& payload) {
  return payload.is_json ? payload.text : "base64:" + payload.text;
}

// As members of a JSON object.
inline std::string shown_members(const ShownPayload& payload) {
  return payload.is_json ? R"("payload":)" + payload.text + R"(,"encoding":"json")"
                         : R"("payload":")" + payload.text + R"(","encoding":"base64")";
}

}  // namespace fifomq::core
