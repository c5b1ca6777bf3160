#include "core/utf8.hpp"

#include <algorithm>
#include <cstddef>

namespace fifomq::core {
namespace {

// How many bytes follow the lead byte, and which values the first of them may have.
struct Sequence {
  std::size_t trailing;
  unsigned char lowest;
  unsigned char highest;
};

constexpr Sequence kNone{0, 0, 0};

Sequence sequence_of(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {1, 0x80, 0xBF};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {2, 0x80, 0xBF};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {3, 0x80, 0xBF};
  if (lead == 0xF4) return {3, 0x80, 0x8F};
  return kNone;
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  const auto* at = std::find_if_not(text.begin(), text.end(), is_ascii);
  while (at != text.end()) {
    const Sequence sequence = sequence_of(static_cast<unsigned char>(*at));
    if (sequence.trailing == 0) return false;
    if (static_cast<std::size_t>(text.end() - at) <= sequence.trailing) return false;
    const auto second = static_cast<unsigned char>(at[1]);
    if (second < sequence.lowest || second > sequence.highest) return false;
    for (std::size_t i = 2; i <= sequence.trailing; ++i) {
      if ((static_cast<unsigned char>(at[i]) & 0xC0) != 0x80) return false;
    }
    at = std::find_if_not(at + sequence.trailing + 1, text.end(), is_ascii);
  }
  return true;
}

}  // namespace fifomq::core
