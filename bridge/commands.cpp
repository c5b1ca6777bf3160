#include "commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>

#include "config_error.hpp"
#include "core/posix.hpp"
#include "guarantee.hpp"
#include "report.hpp"
#include "run_relay.hpp"
#include "stop_signals.hpp"

namespace fifomq {
namespace {

// The endpoint of the process's own input and output, as people write it everywhere.
const std::string kStandardStream = "-";
constexpr std::chrono::seconds kDrainTimeout{5};

// What is wrong with an endpoint is said with the place where it was written.
template <typename Action>
auto at_place(const std::string& place, Action action) {
  try {
    return action();
  } catch (const Error& error) {
    if (place.empty()) throw;
    throw ConfigError(place + ": " + error.what());
  }
}

struct Plan {
  const SchemeInfo& from;
  const SchemeInfo& to;
  Guarantee guarantee;
};

void check_required(const BridgeSettings& settings, const Guarantee& guarantee) {
  if (settings.require == kAtLeastOnce && guarantee.name != kAtLeastOnce) {
    throw ConfigError("--require " + settings.require + ": this pair gives " +
                      std::string(guarantee.name) + ", because " + guarantee.why);
  }
}

// Throws what is wrong with the settings, before anything is opened or made.
Plan plan(const Registry& registry, const BridgeSettings& settings) {
  if (settings.from.empty() || settings.to.empty()) {
    throw ConfigError("a bridge needs two endpoints, FROM and TO; see fifomq bridge --help");
  }
  const SchemeInfo* const from = at_place(
      settings.from_place, [&] { return &registry.check(settings.from, Direction::receive); });
  const SchemeInfo* const to =
      at_place(settings.to_place, [&] { return &registry.check(settings.to, Direction::send); });
  Guarantee guarantee = guarantee_of(*from->receiver, *to->sender);
  check_required(settings, guarantee);
  return {*from, *to, std::move(guarantee)};
}

struct Run {
  Receiver& from;
  Sender& to;
  RelayOptions options;
  std::optional<std::chrono::nanoseconds> idle_exit;
  std::chrono::nanoseconds drain_timeout;
  // A service reports always, and a message that cannot be carried is no failure of it. A command
  // reports what is amiss, and has failed then.
  bool is_service;
};

int finish(const Run& run, const Relay& relay, SendResult flushed, int signal, const LogSink& log) {
  report(relay, run.from, run.to, run.is_service, log);
  if (signal != 0) return kSignalled + signal;
  if (relay.failed()) {
    throw std::runtime_error(
        run.to.endpoint().text() + ": " + to_string(*relay.failed()) + ": " +
        (*relay.failed() == SendResult::no_peer ? "nobody was there to take a message"
                                                : "there was no room for a message") +
        " in time; " + std::to_string(relay.relayed()) + " were sent before it");
  }
  const bool carried_all = run.is_service || relay.refused() == 0;
  return flushed == SendResult::sent && carried_all ? kDone : kRunFailed;
}

int run_to_end(const Run& run, StopSignals& stop, const LogSink& log) {
  Relay relay(run.from, run.to, run.options);
  stop.listen(run.drain_timeout, [&run] {
    run.from.close();
    run.to.close();
  });
  const SendResult flushed =
      run_relay(relay, run.from, run.to, stop, run.idle_exit, run.drain_timeout);
  stop.ignore();
  return finish(run, relay, flushed, stop.requested(), log);
}

// Standard input becomes that file.
void read_from(const std::string& name, const core::UniqueFd& file) {
  if (dup2(file.get(), STDIN_FILENO) < 0) throw core::system_error(errno, "", "read " + name);
}

}  // namespace

int run_bridge(const Registry& registry, const BridgeSettings& settings, const LogSink& log) {
  StopSignals stop;
  const OpenOptions open_to{.log = log};
  Guarantee guarantee = plan(registry, settings).guarantee;
  const bool commits = guarantee.name == kAtLeastOnce;
  const OpenOptions open_from{
      .log = log, .take_at_most = settings.count, .explicit_commit = commits};
  const auto to =
      at_place(settings.to_place, [&] { return registry.open_sender(settings.to, open_to); });
  const auto from = at_place(settings.from_place,
                             [&] { return registry.open_receiver(settings.from, open_from); });
  // What a scheme can do, this endpoint may not, nor this system.
  if (commits) guarantee = guarantee_of(from->capabilities(), to->capabilities());
  check_required(settings, guarantee);
  log(LogLevel::info, settings.from + " -> " + settings.to + ": " + std::string(guarantee.name) +
                          " (" + guarantee.why + ")");
  return run_to_end({.from = *from,
                     .to = *to,
                     .options = {.patience = {}, .log = log},
                     .idle_exit = settings.idle_exit,
                     .drain_timeout = settings.drain_timeout,
                     .is_service = true},
                    stop, log);
}

int plan_bridge(const Registry& registry, const BridgeSettings& settings) {
  const auto [from, to, guarantee] = plan(registry, settings);
  std::cout << "from      " << settings.from << "  (" << from.summary << ")\n"
            << "to        " << settings.to << "  (" << to.summary << ")\n"
            << "guarantee " << guarantee.name << ": " << guarantee.why << "\n";
  return kDone;
}

int run_send(const Registry& registry, const SendSettings& settings, const LogSink& log) {
  StopSignals stop;
  std::vector<core::UniqueFd> files;
  for (const std::string& name : settings.files) {
    files.emplace_back(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!files.back()) throw core::system_error(errno, "", "open " + name);
  }
  const auto to = registry.open_sender(settings.to, {.log = log});
  for (std::size_t i = 0; i < std::max<std::size_t>(files.size(), 1); ++i) {
    if (!files.empty()) read_from(settings.files[i], files[i]);
    const auto from = registry.open_receiver(kStandardStream, {.log = log});
    const int status = run_to_end({.from = *from,
                                   .to = *to,
                                   .options = {.counts_as_hop = false,
                                               .stamps_origin = true,
                                               .patience = settings.timeout,
                                               .log = log},
                                   .idle_exit = {},
                                   .drain_timeout = kDrainTimeout,
                                   .is_service = false},
                                  stop, log);
    if (status != kDone) return status;
  }
  return kDone;
}

int run_recv(const Registry& registry, const RecvSettings& settings, const LogSink& log) {
  StopSignals stop;
  const auto to =
      registry.open_sender(kStandardStream + "?format=" + settings.format, {.log = log});
  const auto from =
      registry.open_receiver(settings.from, {.log = log, .take_at_most = settings.count});
  return run_to_end({.from = *from,
                     .to = *to,
                     .options = {.counts_as_hop = false, .patience = {}, .log = log},
                     .idle_exit = settings.idle_exit,
                     .drain_timeout = kDrainTimeout,
                     .is_service = false},
                    stop, log);
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
