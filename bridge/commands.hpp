// The subcommands of `fifomq`. Each returns the exit status; bad configuration is thrown (Error,
// ConfigError) before anything is moved.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fifomq/transport.hpp>

#include "log.hpp"
#include "settings.hpp"
#include "typed_payloads.hpp"

namespace fifomq {

inline constexpr int kDone = 0;
inline constexpr int kRunFailed = 1;
inline constexpr int kBadUsage = 2;
inline constexpr int kSignalled = 128;  // plus the signal's number

// The endpoint of the process's own input and output, as people write it everywhere.
inline constexpr std::string_view kStandardStream = "-";
bool is_standard_stream(const std::string& endpoint);

// Where a command says what it has to say.
struct Console {
  LogSink log;
  ShowLine status_line{};
  std::function<void()> status_line_end{};
};

int run_bridge(const Registry& registry, const BridgeSettings& settings, const Console& console);

// Says what the bridge would do, or throws what is wrong with it.
int plan_bridge(const Registry& registry, const BridgeSettings& settings);

struct SendSettings {
  std::string to;
  std::vector<std::string> files;  // none: standard input
  std::optional<std::chrono::nanoseconds> timeout;
  TypedSettings typed;
};
int run_send(const Registry& registry, const SendSettings& settings, const Console& console);

struct RecvSettings {
  std::string from;
  std::string format = "text";
  TypedSettings typed;
  std::optional<std::uint64_t> count;
  std::optional<std::chrono::nanoseconds> idle_exit;
};
int run_recv(const Registry& registry, const RecvSettings& settings, const Console& console);

int print_transports(const Registry& registry);

}  // namespace fifomq
