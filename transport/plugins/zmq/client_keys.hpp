// The folder with the public keys of those who may come in: every file whose name ends in .key.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace fifomq::zeromq {

struct ClientKeys {
  std::set<std::string, std::less<>> keys;  // Z85
  std::vector<std::string> complaints;      // about files that hold no key, or not safely
};

// Reads it as it stands now. Throws Error where the folder cannot be read, or somebody else could
// put a key into it.
ClientKeys read_client_keys(const std::string& folder, const std::string& endpoint);

}  // namespace fifomq::zeromq
