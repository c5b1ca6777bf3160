#include <algorithm>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

#include "api/plugin_file.hpp"
#include "core/suggest.hpp"

namespace fifomq {
namespace {

bool goes(const SchemeInfo& scheme, Direction direction) {
  return (direction == Direction::send ? scheme.sender : scheme.receiver).has_value();
}

}  // namespace

Transport::~Transport() = default;

void Registry::add(std::unique_ptr<Transport> transport) { add(std::move(transport), ""); }

void Registry::load(const std::string& path) { add(load_plugin(path), path); }

void Registry::add(std::unique_ptr<Transport> transport, const std::string& from) {
  for (const SchemeInfo& mine : schemes()) {
    for (const SchemeInfo& theirs : transport->schemes()) {
      if (mine.name != theirs.name) continue;
      throw Error(Errc::invalid_endpoint, from,
                  "two transports claim the scheme '" + std::string(mine.name) + "'");
    }
  }
  transports_.push_back(std::move(transport));
}

std::vector<SchemeInfo> Registry::schemes() const {
  std::vector<SchemeInfo> all;
  for (const auto& transport : transports_) {
    std::ranges::copy(transport->schemes(), std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &SchemeInfo::name);
  return all;
}

Registry::Entry Registry::find(const Endpoint& endpoint, Direction direction) const {
  for (const auto& transport : transports_) {
    for (const SchemeInfo& scheme : transport->schemes()) {
      if (scheme.name != endpoint.scheme()) continue;
      if (goes(scheme, direction)) return {*transport, scheme};
      throw Error(Errc::wrong_direction, endpoint.text(),
                  direction == Direction::send ? "this endpoint receives and does not send"
                                               : "this endpoint sends and does not receive");
    }
  }
  std::vector<std::string_view> names;
  for (const SchemeInfo& scheme : schemes()) names.push_back(scheme.name);
  throw Error(
      Errc::invalid_endpoint, endpoint.text(),
      "unknown scheme '" + endpoint.scheme() + "'" + core::suggestion(endpoint.scheme(), names));
}

std::unique_ptr<Sender> Registry::open_sender(std::string_view text,
                                              const OpenOptions& options) const {
  const Endpoint endpoint = Endpoint::parse(text);
  return find(endpoint, Direction::send).transport.open_sender(endpoint, options);
}

std::unique_ptr<Receiver> Registry::open_receiver(std::string_view text,
                                                  const OpenOptions& options) const {
  const Endpoint endpoint = Endpoint::parse(text);
  return find(endpoint, Direction::receive).transport.open_receiver(endpoint, options);
}

std::vector<CommandInfo> Registry::commands() const {
  std::vector<CommandInfo> all;
  for (const auto& transport : transports_) {
    const auto commands = transport->commands();
    all.insert(all.end(), commands.begin(), commands.end());
  }
  std::ranges::sort(all, {}, &CommandInfo::name);
  return all;
}

Capabilities Transport::capabilities(const Endpoint& endpoint, Direction direction) const {
  for (const SchemeInfo& scheme : schemes()) {
    if (scheme.name != endpoint.scheme()) continue;
    return (direction == Direction::send ? scheme.sender : scheme.receiver)
        .value_or(Capabilities{});
  }
  return {};
}

Capabilities Registry::capabilities(std::string_view text, Direction direction) const {
  const Endpoint endpoint = Endpoint::parse(text);
  return find(endpoint, direction).transport.capabilities(endpoint, direction);
}

const SchemeInfo& Registry::check(std::string_view text, Direction direction) const {
  const Endpoint endpoint = Endpoint::parse(text);
  const Entry entry = find(endpoint, direction);
  entry.transport.check(endpoint, direction);
  return entry.scheme;
}

}  // namespace fifomq
