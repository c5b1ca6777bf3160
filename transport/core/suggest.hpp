#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fifomq::core {

// The known word with the smallest edit distance (Levenshtein) to `word`; empty if none is near
// enough to be what was meant.
std::string nearest(std::string_view word, std::span<const std::string_view> known);

// "; did you mean 'X'?" or, when nothing is near, "; known: A, B, C".
std::string suggestion(std::string_view word, std::span<const std::string_view> known);

}  // namespace fifomq::core
