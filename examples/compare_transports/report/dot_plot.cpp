#include "report/dot_plot.hpp"

#include <algorithm>
#include <cmath>

#include "report/format.hpp"

namespace compare {
namespace {

constexpr double kLineHeight = 22;
constexpr double kTop = 34;
constexpr double kBottom = 26;
constexpr double kLeft = 250;  // for the labels
constexpr double kPlotWidth = 480;
constexpr double kRight = 80;  // for the figures
constexpr double kTitleHeight = 16;
constexpr double kGap = 10;
constexpr double kHalfLetter = 4;
constexpr double kRadius = 4;

struct Axis {
  double lowest = 0;  // powers of ten
  double highest = 1;

  double x(double value) const {
    const double power = std::log10(std::max(value, 1e-9));
    return kLeft + kPlotWidth * (power - lowest) / (highest - lowest);
  }
};

Axis axis_for(const std::vector<Dot>& dots) {
  double smallest = dots.front().median;
  double largest = smallest;
  for (const Dot& dot : dots) {
    smallest = std::min(smallest, std::min(dot.min, dot.median));
    largest = std::max(largest, std::max(dot.max, dot.median));
  }
  const double lowest = std::floor(std::log10(std::max(smallest, 1e-9)));
  return {.lowest = lowest,
          .highest = std::max(lowest + 1, std::ceil(std::log10(std::max(largest, 1e-9))))};
}

std::string attribute(const std::string& name, const std::string& value) {
  return " " + name + "='" + value + "'";
}

std::string attribute(const std::string& name, double value) {
  return attribute(name, fixed(value, 1));
}

std::string line(const std::string& kind, double x1, double y1, double x2, double y2) {
  return "<line" + attribute("class", kind) + attribute("x1", x1) + attribute("y1", y1) +
         attribute("x2", x2) + attribute("y2", y2) + "/>\n";
}

std::string text(const std::string& anchor, double x, double y, const std::string& content) {
  return "<text" + attribute("text-anchor", anchor) + attribute("x", x) + attribute("y", y) + ">" +
         escaped(content) + "</text>\n";
}

std::string grid(const Axis& axis, double bottom) {
  std::string svg;
  const int powers = static_cast<int>(axis.highest - axis.lowest);
  for (int step = 0; step <= powers; ++step) {
    const double value = std::pow(10, axis.lowest + step);
    svg += line("grid", axis.x(value), kTop - 8, axis.x(value), bottom);
    svg += text("middle", axis.x(value), bottom + 16, short_number(value));
  }
  return svg;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string dot_plot(const std::string& title, const std::vector<Dot>& dots) {
  if (dots.empty()) return "";
  const Axis axis = axis_for(dots);
  const double bottom = kTop + kLineHeight * static_cast<double>(dots.size());
  const std::string box =
      "0 0 " + fixed(kLeft + kPlotWidth + kRight, 0) + " " + fixed(bottom + kBottom, 0);
  std::string svg = "<svg" + attribute("xmlns", "http://www.w3.org/2000/svg") +
                    attribute("role", "img") + attribute("aria-label", escaped(title)) +
                    attribute("viewBox", box) + ">\n<text" + attribute("class", "title") +
                    attribute("x", 0) + attribute("y", kTitleHeight) + ">" + escaped(title) +
                    "</text>\n" + grid(axis, bottom);
  double y = kTop + kLineHeight / 2;
  for (const Dot& dot : dots) {
    svg += "<g" + attribute("class", dot.ours ? "ours" : "rival") + ">\n" +
           text("end", kLeft - kGap, y + kHalfLetter, dot.label) +
           line("spread", axis.x(dot.min), y, axis.x(dot.max), y) + "<circle" +
           attribute("r", kRadius) + attribute("cx", axis.x(dot.median)) + attribute("cy", y) +
           "/>\n" +
           text("start", kLeft + kPlotWidth + kGap, y + kHalfLetter, short_number(dot.median)) +
           "</g>\n";
    y += kLineHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace compare
