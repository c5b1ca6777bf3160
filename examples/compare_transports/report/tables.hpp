// The tables of a comparison, the same for the terminal and for the page.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

namespace compare {

struct Table {
  std::string title;
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> lines;
};

// Those that have lines, the ratios last.
std::vector<Table> make_tables(const Results& results);

}  // namespace compare
