#include "settings.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#include "config_error.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"
#include "guarantee.hpp"

namespace fifomq {
namespace {

std::string place(const std::string& file, const toml::source_region& source) {
  return file + ":" + std::to_string(source.begin.line);
}

std::string text_value(const std::string& where, const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  throw ConfigError(where + ": the value must be a text in quotes");
}

std::vector<std::string> text_values(const std::string& where, const toml::node& node) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return {text_value(where, node)};
  std::vector<std::string> texts;
  for (const toml::node& each : *list) texts.push_back(text_value(where, each));
  return texts;
}

std::uint64_t count_value(const std::string& where, const toml::node& node) {
  const auto number = node.value_exact<std::int64_t>();
  if (number && *number >= 0) return static_cast<std::uint64_t>(*number);
  throw ConfigError(where + ": the value must be a whole number, not negative");
}

// Stores one value, which stands at `where`.
using Setter = std::function<void(BridgeSettings&, const std::string& where, const toml::node&)>;

using Setters = std::map<std::string_view, Setter>;

Setters own_setters() {
  return {
      {"from",
       [](auto& settings, const auto& where, const auto& node) {
         settings.from = text_value(where, node);
         settings.from_place = where;
       }},
      {"to",
       [](auto& settings, const auto& where, const auto& node) {
         settings.to = text_value(where, node);
         settings.to_place = where;
       }},
      {"count", [](auto& settings, const auto& where,
                   const auto& node) { settings.count = count_value(where, node); }},
      {"idle_exit",
       [](auto& settings, const auto& where, const auto& node) {
         settings.idle_exit = duration_setting(where, text_value(where, node));
       }},
      {"drain_timeout",
       [](auto& settings, const auto& where, const auto& node) {
         settings.drain_timeout = duration_setting(where, text_value(where, node));
       }},
      {"require",
       [](auto& settings, const auto& where, const auto& node) {
         settings.require = text_value(where, node);
         check_guarantee_name(where, settings.require);
       }},
      {"metrics",
       [](auto& settings, const auto& where, const auto& node) {
         settings.metrics = text_value(where, node);
         settings.metrics_place = where;
       }},
      {"dead_letter",
       [](auto& settings, const auto& where, const auto& node) {
         settings.dead_letter = text_value(where, node);
         settings.dead_letter_place = where;
       }},
      {"plugin", [](auto& settings, const auto& where,
                    const auto& node) { settings.plugins = text_values(where, node); }},
      {"log_format",
       [](auto& settings, const auto& where, const auto& node) {
         settings.log_format = log_format(where, text_value(where, node));
       }},
  };
}

Setter setter_between(const SchemeInfo& scheme) {
  return [&scheme](auto& settings, const auto& where, const auto& node) {
    settings.between = endpoint_between(scheme, text_value(where, node));
    settings.between_place = where;
    settings.between_key = scheme.between->key;
  };
}

toml::table parse_file(const std::string& file) {
  try {
    return toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    // Line 0: the file could not be opened at all.
    const std::string where = error.source().begin.line == 0 ? file : place(file, error.source());
    throw ConfigError(where + ": " + std::string(error.description()));
  }
}

}  // namespace

BridgeSettings load_settings(const std::string& file, std::span<const SchemeInfo> schemes) {
  const toml::table table = parse_file(file);
  Setters setters = own_setters();
  for (const SchemeInfo& scheme : schemes) {
    if (scheme.between) setters.emplace(scheme.between->key, setter_between(scheme));
  }
  BridgeSettings settings;
  settings.file = file;
  for (const auto& [key, node] : table) {
    const std::string where = place(file, key.source());
    const auto setter = setters.find(key.str());
    if (setter == setters.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, unused] : setters) known.push_back(name);
      throw ConfigError(where + ": unknown key '" + std::string(key.str()) + "'" +
                        core::suggestion(key.str(), known));
    }
    setter->second(settings, where, node);
    settings.places[std::string(key.str())] = where;
  }
  return settings;
}

std::string endpoint_between(const SchemeInfo& scheme, const std::string& value) {
  return std::string(scheme.name) + ":" + value;
}

std::chrono::nanoseconds duration_setting(const std::string& where, const std::string& text) {
  if (const auto duration = core::parse_duration(text)) return *duration;
  throw ConfigError(where + ": '" + text + "' is not " + std::string(core::kDurationForm));
}

void check_guarantee_name(const std::string& where, const std::string& name) {
  if (std::ranges::find(kGuarantees, name) != kGuarantees.end()) return;
  throw ConfigError(where + ": there is no guarantee '" + name + "'" +
                    core::suggestion(name, kGuarantees));
}

}  // namespace fifomq
