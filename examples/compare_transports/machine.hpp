// What the figures depend on besides the programs.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace compare {

std::vector<std::pair<std::string, std::string>> describe_machine();

}  // namespace compare
