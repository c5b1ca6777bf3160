// Figures for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace compare {

// Three digits and a prefix: 1.25M, 870k, 64.0.
std::string short_number(double value);
// With so many decimals.
std::string fixed(double value, int decimals);
std::string size_text(std::size_t bytes);  // 64 B, 1 KiB, 1 MiB
std::string left_aligned(std::string_view text, std::size_t width);
std::string right_aligned(std::string_view text, std::size_t width);

}  // namespace compare
