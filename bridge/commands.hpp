// The subcommands of `fifomq`. Each returns the exit status; bad configuration is thrown (Error,
// ConfigError) before anything is moved.
#pragma once

#include <string>
#include <vector>

#include <fifomq/transport.hpp>

#include "settings.hpp"

namespace fifomq {

inline constexpr int kDone = 0;
inline constexpr int kRunFailed = 1;
inline constexpr int kBadUsage = 2;
inline constexpr int kSignalled = 128;  // plus the signal's number

int run_bridge(const Registry& registry, const BridgeSettings& settings, const LogSink& log);

// Says what the bridge would do, or throws what is wrong with it.
int plan_bridge(const Registry& registry, const BridgeSettings& settings);

struct SendSettings {
  std::string to;
  std::vector<std::string> files;  // none: standard input
  std::optional<std::chrono::nanoseconds> timeout;
};
int run_send(const Registry& registry, const SendSettings& settings, const LogSink& log);

struct RecvSettings {
  std::string from;
  std::string format = "text";
  std::optional<std::uint64_t> count;
  std::optional<std::chrono::nanoseconds> idle_exit;
};
int run_recv(const Registry& registry, const RecvSettings& settings, const LogSink& log);

int print_transports(const Registry& registry);

}  // namespace fifomq
