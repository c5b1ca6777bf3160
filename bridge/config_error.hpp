#pragma once

#include <stdexcept>

namespace fifomq {

// The command line or a configuration file is wrong; what() is a sentence for a person.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace fifomq
