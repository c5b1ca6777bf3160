// Runs everything that the settings ask for.
#pragma once

#include "links/catalog.hpp"
#include "results.hpp"
#include "settings.hpp"

namespace compare {

// Throws Refusal for names that the catalog does not have, Failure and Interrupted.
Results run_comparison(const Settings& settings);

}  // namespace compare
