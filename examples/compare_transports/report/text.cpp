#include <algorithm>
#include <string>

#include "report/format.hpp"
#include "report/reports.hpp"
#include "report/tables.hpp"

namespace compare {
namespace {

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < table.heads.size(); ++column) {
    std::size_t width = table.heads[column].size();
    for (const auto& line : table.lines) width = std::max(width, line[column].size());
    widths.push_back(width);
  }
  return widths;
}

std::string line_text(const std::vector<std::string>& cells,
                      const std::vector<std::size_t>& widths) {
  std::string line = left_aligned(cells.front(), widths.front());
  for (std::size_t column = 1; column < cells.size(); ++column) {
    line += "  " + right_aligned(cells[column], widths[column]);
  }
  return line + "\n";
}

std::string table_text(const Table& table) {
  const auto widths = widths_of(table);
  std::string text = table.title + "\n\n" + line_text(table.heads, widths);
  for (const auto& line : table.lines) text += line_text(line, widths);
  return text + "\n";
}

}  // namespace

std::string text_report(const Results& results) {
  std::string text;
  for (const auto& [name, value] : results.machine) {
    text += left_aligned(name, 22) + value + "\n";
  }
  text += "\n";
  for (const Table& table : make_tables(results)) text += table_text(table);
  if (!results.left_out.empty()) text += "Left out:\n";
  for (const LeftOut& each : results.left_out) text += "  " + each.name + ": " + each.reason + "\n";
  return text;
}

}  // namespace compare
