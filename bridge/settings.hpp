// What a bridge is told to do, from the command line or from a file.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fifomq/transport.hpp>

#include "log.hpp"

namespace fifomq {

struct BridgeSettings {
  std::string from;
  std::string to;
  std::optional<std::uint64_t> count;
  std::optional<std::chrono::nanoseconds> idle_exit;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds(5);
  std::string between;  // the endpoint of what keeps messages between the two, or nothing
  std::string require;  // a guarantee's name, or nothing
  std::string metrics;  // HOST:PORT, or nothing
  std::vector<std::string> plugins;  // files to load transports from, besides those loaded already
  std::string dead_letter;           // a file's path, or nothing
  LogFormat log_format = LogFormat::text;
  // Where `from` and `to` were written, as FILE:LINE: in front of a complaint about them. Empty for
  // the command line.
  std::string from_place;
  std::string to_place;
  std::string between_place;
  std::string between_key;  // what it is called
  std::string metrics_place = "--metrics";
  std::string dead_letter_place = "--dead-letter";
  // The file, if any, where each of its keys was written, and how all this is found out once more.
  std::string file;
  std::map<std::string, std::string> places;
  std::function<BridgeSettings()> read_again;
};

// Reads a TOML file; keys are the long options with '_' for '-', also those of `schemes` that may
// stand between the ends, and `from` and `to`. Throws ConfigError.
BridgeSettings load_settings(const std::string& file, std::span<const SchemeInfo> schemes);

// The endpoint that the value of `scheme.between` stands for.
std::string endpoint_between(const SchemeInfo& scheme, const std::string& value);

// The value of an option that is a duration with its unit. Throws ConfigError.
std::chrono::nanoseconds duration_setting(const std::string& where, const std::string& text);

// Throws ConfigError for a name that is no guarantee.
void check_guarantee_name(const std::string& where, const std::string& name);

}  // namespace fifomq
