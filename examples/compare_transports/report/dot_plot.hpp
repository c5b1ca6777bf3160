// Plots for the page, drawn without any other program.
#pragma once

#include <string>
#include <vector>

namespace compare {

// The median as a dot, and a line from the smallest to the largest.
struct Dot {
  std::string label;
  double median = 0;
  double min = 0;
  double max = 0;
  bool ours = false;
};

// An <svg> element; the axis is logarithmic.
std::string dot_plot(const std::string& title, const std::vector<Dot>& dots);

// Text that may stand in HTML and SVG.
std::string escaped(const std::string& text);

}  // namespace compare
