#include "core/guess_framing.hpp"

#include <algorithm>

#include "core/utf8.hpp"
#include "core/varint.hpp"

namespace fifomq::core {
namespace {

constexpr std::size_t kLooked = 4096;

bool looks_like_lines(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  const std::size_t end = text.rfind('\n');
  if (end == std::string_view::npos) return false;
  const auto printable = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r';
  };
  return is_utf8(text.substr(0, end)) && std::ranges::all_of(text.substr(0, end), printable);
}

// Two lengths in a row that lead to a plausible field tag, or to the end.
bool looks_like_delimited(ByteView bytes) {
  std::size_t messages = 0;
  while (!bytes.empty()) {
    std::uint64_t size = 0;
    if (take_varint(bytes, size) != TakeStatus::taken || size == 0) return false;
    std::uint64_t key = 0;
    ByteView body = bytes;
    if (take_varint(body, key) != TakeStatus::taken) return messages > 0;
    if (key >> 3 == 0 || (key & 7) == 3 || (key & 7) == 4 || (key & 7) > 5) return false;
    if (size > bytes.size()) return messages > 0;
    bytes = bytes.subspan(size);
    ++messages;
  }
  return messages > 0;
}

}  // namespace

std::string describe_foreign_stream(ByteView bytes, bool began) {
  bytes = bytes.first(std::min(bytes.size(), kLooked));
  if (began) {
    return "a frame is damaged: its writer was killed in the middle of it, or somebody else reads "
           "from here and takes bytes away; reading goes on with the next whole one";
  }
  if (looks_like_lines(bytes)) {
    return "what comes in looks like lines of text, not like frames; framing=line would carry each "
           "line "
           "as a message";
  }
  if (looks_like_delimited(bytes)) {
    return "what comes in looks like delimited Protobuf messages that are no fifomq.v1.Frame with "
           "sync=0xC5FEF0F1; framing=varint would carry each as a message";
  }
  return "what comes in is no frame; reading goes on with the next whole one";
}

}  // namespace fifomq::core
