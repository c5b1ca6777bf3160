// Every transport of the library, through the same code: only the endpoints differ.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "links/link.hpp"

namespace compare {

struct Endpoints {
  std::string sender;
  std::string receiver;
};

std::unique_ptr<Link> make_channel_link(Endpoints endpoints);

std::unique_ptr<Source> open_channel_source(const std::string& endpoint);
std::unique_ptr<Sink> open_channel_sink(const std::string& endpoint);

}  // namespace compare
