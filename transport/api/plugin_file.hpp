// A transport's code in a file of its own.
#pragma once

#include <memory>
#include <string>

#include <fifomq/transport.hpp>

namespace fifomq {

// See Registry::load.
std::unique_ptr<Transport> load_plugin(const std::string& path);

}  // namespace fifomq
