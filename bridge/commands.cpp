#include "commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <memory>
#include <utility>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>

#include "config_error.hpp"
#include "core/posix.hpp"
#include "core/unique_fd.hpp"
#include "relay_legs.hpp"
#include "service_manager.hpp"
#include "status_line.hpp"
#include "stop_signals.hpp"

namespace fifomq {
namespace {

constexpr std::chrono::seconds kDrainTimeout{5};

int run_command(const Leg& leg, StopSignals& stop, const Console& console) {
  ServiceManager nobody;
  return run_to_end(
      {.legs = {leg}, .drain_timeout = kDrainTimeout, .is_service = false, .manager = nobody}, stop,
      console);
}

// Standard input becomes that file.
void read_from(const std::string& name, const core::UniqueFd& file) {
  if (dup2(file.get(), STDIN_FILENO) < 0) throw core::system_error(errno, "", "read " + name);
}

// Nothing where one of them, or standard input in their place, ends nobody knows when.
std::optional<std::uint64_t> bytes_to_send(const std::vector<core::UniqueFd>& files) {
  if (files.empty()) return bytes_left_in(STDIN_FILENO);
  std::uint64_t sum = 0;
  for (const core::UniqueFd& file : files) {
    const auto bytes = bytes_left_in(file.get());
    if (!bytes) return std::nullopt;
    sum += *bytes;
  }
  return sum;
}

// Where lines go, and who makes typed messages of them.
struct SendEnd {
  std::unique_ptr<Sender> to;
  JsonSender* json = nullptr;
};

SendEnd open_to_send(const Registry& registry, const SendSettings& settings, const LogSink& log) {
  auto to = registry.open_sender(settings.to, {.log = log});
  if (settings.typed.descriptor_set.empty() && settings.typed.type.empty()) return {std::move(to)};
  auto json = std::make_unique<JsonSender>(std::move(to), settings.typed, log);
  JsonSender* const seen = json.get();
  return {std::move(json), seen};
}

}  // namespace

bool is_standard_stream(const std::string& endpoint) {
  return Endpoint::parse(endpoint).scheme() == kStandardStream;
}

int run_send(const Registry& registry, const SendSettings& settings, const Console& console) {
  const LogSink& log = console.log;
  StopSignals stop;
  std::vector<core::UniqueFd> files;
  for (const std::string& name : settings.files) {
    files.emplace_back(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!files.back()) throw core::system_error(errno, "", "open " + name);
  }
  const SendEnd end = open_to_send(registry, settings, log);
  const auto line = status_line_of(
      console.status_line, {.input = files.empty(), .output = is_standard_stream(settings.to)},
      {.bytes = bytes_to_send(files)});
  for (std::size_t i = 0; i < std::max<std::size_t>(files.size(), 1); ++i) {
    if (!files.empty()) read_from(settings.files[i], files[i]);
    const auto from = registry.open_receiver(kStandardStream, {.log = log});
    if (end.json) end.json->begin(files.empty() ? "standard input" : settings.files[i], *from);
    const Leg leg{.from = *from,
                  .to = *end.to,
                  .options = {.counts_as_hop = false,
                              .stamps_origin = true,
                              .patience = settings.timeout,
                              .log = log},
                  .line = line.get()};
    const int status = run_command(leg, stop, console);
    if (status != kDone) return status;
  }
  return kDone;
}

int run_recv(const Registry& registry, const RecvSettings& settings, const Console& console) {
  const LogSink& log = console.log;
  StopSignals stop;
  ShowPayload show = payload_shower(settings.typed, log);
  if (show && settings.format != "text" && settings.format != "json") {
    throw ConfigError("--format " + settings.format +
                      ": with --descriptor-set it must be text or json");
  }
  const auto to = registry.open_sender(std::string(kStandardStream) + "?format=" + settings.format,
                                       {.log = log, .show_payload = std::move(show)});
  const auto from =
      registry.open_receiver(settings.from, {.log = log, .take_at_most = settings.count});
  const auto line = status_line_of(console.status_line,
                                   {.input = is_standard_stream(settings.from), .output = true},
                                   {.messages = settings.count});
  return run_command({.from = *from,
                      .to = *to,
                      .options = {.counts_as_hop = false, .patience = {}, .log = log},
                      .idle_exit = settings.idle_exit,
                      .line = line.get()},
                     stop, console);
}

int print_transports(const Registry& registry) {
  for (const SchemeInfo& scheme : registry.schemes()) {
    std::cout << scheme.form << "\n    " << scheme.summary << "\n";
    for (const auto& [word, capabilities] :
         {std::pair{"sends", scheme.sender}, std::pair{"receives", scheme.receiver}}) {
      if (!capabilities) continue;
      std::cout << "    " << word << ":";
      for (const auto& [name, member] : kCapabilityNames) {
        if (*capabilities.*member) std::cout << " " << name;
      }
      std::cout << "\n";
    }
    for (const OptionInfo& option : scheme.options) {
      std::cout << "    " << option.key << "=" << option.values << "  " << option.meaning;
      if (!option.fallback.empty()) std::cout << " (default: " << option.fallback << ")";
      std::cout << "\n";
    }
    std::cout << "\n";
  }
  return kDone;
}

}  // namespace fifomq
