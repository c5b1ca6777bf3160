// CMake wants a source for a target that precompiles headers.
#include "support/test_headers.hpp"
