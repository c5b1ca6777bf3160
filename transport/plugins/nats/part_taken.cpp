#include "part_taken.hpp"

#include <charconv>

namespace fifomq::jetstream {
namespace {

// Behind it the stream's sequence, a colon, and how many frames.
constexpr std::string_view kMark = " [fifomq has taken of ";

// False when no number stands there; otherwise it is taken off with the character behind it.
bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

PartTaken read_part(std::string_view description) {
  const std::size_t at = description.rfind(kMark);
  if (at == std::string_view::npos) return {};
  description.remove_prefix(at + kMark.size());
  PartTaken part;
  const bool is_whole =
      take_number(description, part.stream_sequence) && take_number(description, part.frames);
  return is_whole ? part : PartTaken();
}

std::string with_part(std::string_view description, const PartTaken& part) {
  return std::string(description.substr(0, description.rfind(kMark))) + std::string(kMark) +
         std::to_string(part.stream_sequence) + ":" + std::to_string(part.frames) + "]";
}

}  // namespace fifomq::jetstream
