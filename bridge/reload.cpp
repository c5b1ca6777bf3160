#include "reload.hpp"

#include "config_error.hpp"

namespace fifomq {
namespace {

void check_same(bool same, const BridgeSettings& fresh, const std::string& key) {
  if (same) return;
  const auto place = fresh.places.find(key);
  throw ConfigError((place == fresh.places.end() ? fresh.file : place->second) + ": '" + key +
                    "' cannot change while the bridge runs");
}

}  // namespace

void check_reload(const BridgeSettings& running, const BridgeSettings& fresh) {
  check_same(running.from == fresh.from, fresh, "from");
  check_same(running.to == fresh.to, fresh, "to");
  check_same(running.between == fresh.between, fresh,
             fresh.between.empty() ? running.between_key : fresh.between_key);
  check_same(running.metrics == fresh.metrics, fresh, "metrics");
  check_same(running.dead_letter == fresh.dead_letter, fresh, "dead_letter");
  check_same(running.plugins == fresh.plugins, fresh, "plugin");
  check_same(running.log_format == fresh.log_format, fresh, "log_format");
  // FROM is opened for so many: what it has read ahead would be too much of a smaller number.
  check_same(running.count == fresh.count, fresh, "count");
}

}  // namespace fifomq
