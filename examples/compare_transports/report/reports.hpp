// What is told of a comparison, and in which forms.
#pragma once

#include <filesystem>
#include <string>

#include "results.hpp"
#include "settings.hpp"

namespace compare {

// Everything that the settings ask for; throws Failure for a file that cannot be written.
void report(const Results& results, const Settings& settings);

std::string text_report(const Results& results);
std::string json_report(const Results& results, const Settings& settings);
std::string html_report(const Results& results, const Settings& settings);
// False when there is no gnuplot.
bool draw_with_gnuplot(const Results& results, const std::filesystem::path& folder);

// How it was measured, in a few sentences.
std::string method(const Settings& settings);

}  // namespace compare
