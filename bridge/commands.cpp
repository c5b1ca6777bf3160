#include "commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>
#include <fifomq/version.hpp>

#include "config_error.hpp"
#include "core/posix.hpp"
#include "guarantee.hpp"
#include "metrics_server.hpp"
#include "observed_sender.hpp"
#include "reload.hpp"
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
  std::optional<MetricsAddress> metrics;
};

void check_required(const BridgeSettings& settings, const Guarantee& guarantee) {
  if (settings.require != kAtLeastOnce || guarantee.name == kAtLeastOnce) return;
  const auto place = settings.places.find("require");
  throw ConfigError((place == settings.places.end() ? "" : place->second + ": ") + "--require " +
                    settings.require + ": this pair gives " + std::string(guarantee.name) +
                    ", because " + guarantee.why);
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
  std::optional<MetricsAddress> metrics;
  if (!settings.metrics.empty()) {
    metrics = metrics_address(settings.metrics_place, settings.metrics);
  }
  return {*from, *to, std::move(guarantee), std::move(metrics)};
}

struct Run {
  Receiver& from;
  Sender& to;
  RelayOptions options;
  RunTimes times;
  // A service reports always, and a message that cannot be carried is no failure of it. A command
  // reports what is amiss, and has failed then.
  bool is_service;
  ServiceManager manager = {};
  std::function<RunTimes(const RunTimes&)> reload = {};
  RelayStatus* status = nullptr;
  LogSink losses = {};
  // Said once it is at work, in short and whole.
  std::string pair = {};
  std::string beginning = {};
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

// Whoever asks is answered while a relay runs, however that ends.
class Observed {
 public:
  Observed(const Run& run, const Relay& relay) : status_(run.status) {
    if (status_) status_->begin(relay, run.from, run.to);
  }
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;
  Observed(Observed&&) = delete;
  Observed& operator=(Observed&&) = delete;
  ~Observed() {
    if (status_) status_->end();
  }

 private:
  RelayStatus* const status_;
};

int run_to_end(Run run, StopSignals& stop, const LogSink& log) {
  Runner runner(run.from, run.to, stop, {run.manager, run.status, run.losses}, run.times,
                run.reload);
  if (run.manager.is_watched()) {
    run.options.check_in = [&runner](unsigned tries) { return runner.check_in(tries); };
  }
  Relay relay(run.from, run.to, run.options);
  const Observed observed(run, relay);
  if (!run.beginning.empty()) log(LogLevel::info, run.beginning);
  run.manager.ready(run.pair);
  stop.listen(run.times.drain_timeout, [&run] {
    run.from.close();
    run.to.close();
  });
  const SendResult flushed = runner.run(relay);
  stop.ignore();
  return finish(run, relay, flushed, stop.requested(), log);
}

// Reads the settings anew, and takes over all or nothing.
RunTimes reload(const BridgeSettings& running, const Guarantee& guarantee, const LogSink& log,
                const RunTimes& times) {
  try {
    const BridgeSettings fresh = running.read_again();
    check_reload(running, fresh);
    check_required(fresh, guarantee);
    log(LogLevel::info, fresh.file + ": reloaded");
    return {fresh.idle_exit, fresh.drain_timeout};
  } catch (const ConfigError& error) {
    log(LogLevel::warning, std::string(error.what()) + "; not reloaded, all stays as it was");
    return times;
  }
}

// Standard input becomes that file.
void read_from(const std::string& name, const core::UniqueFd& file) {
  if (dup2(file.get(), STDIN_FILENO) < 0) throw core::system_error(errno, "", "read " + name);
}

// The two ends of a bridge, and what is promised about what goes from one to the other.
struct Ends {
  std::unique_ptr<Sender> to;
  std::unique_ptr<Receiver> from;
  Guarantee guarantee;
};

Ends open_ends(const Registry& registry, const BridgeSettings& settings, Guarantee guarantee,
               const LogSink& log) {
  const bool commits = guarantee.name == kAtLeastOnce;
  const OpenOptions open_to{.log = log};
  const OpenOptions open_from{
      .log = log, .take_at_most = settings.count, .explicit_commit = commits};
  auto to = at_place(settings.to_place, [&] { return registry.open_sender(settings.to, open_to); });
  auto from = at_place(settings.from_place,
                       [&] { return registry.open_receiver(settings.from, open_from); });
  // What a scheme can do, this endpoint may not, nor this system.
  if (commits) guarantee = guarantee_of(from->capabilities(), to->capabilities());
  check_required(settings, guarantee);
  return {std::move(to), std::move(from), std::move(guarantee)};
}

void announce(const MetricsServer& server, const MetricsAddress& address, const LogSink& log) {
  log(LogLevel::info, "metrics: " + server.url());
  if (address.is_loopback) return;
  log(LogLevel::warning, "metrics: " + address.text +
                             " is open to other machines, without a password and in plain text");
}

std::string sentence_of(const BridgeSettings& settings, const Guarantee& guarantee) {
  return settings.from + " -> " + settings.to + ": " + std::string(guarantee.name);
}

}  // namespace

int run_bridge(const Registry& registry, const BridgeSettings& settings, const LogSink& log) {
  using Hangup = StopSignals::Hangup;
  StopSignals stop(settings.read_again ? Hangup::take : Hangup::leave);
  ServiceManager manager = ServiceManager::of_environment(log);
  Plan planned = plan(registry, settings);
  // Outlives the ends, which may take a while to close, and tells so.
  RelayStatus status;
  std::optional<MetricsServer> server;
  if (planned.metrics) {
    server.emplace(settings.metrics_place, *planned.metrics, status,
                   EndpointNames{.from = settings.from, .to = settings.to});
    announce(*server, *planned.metrics, log);
  }
  Ends ends = open_ends(registry, settings, std::move(planned.guarantee), log);
  if (server) ends.to = std::make_unique<ObservedSender>(std::move(ends.to), status);
  const std::string pair = sentence_of(settings, ends.guarantee);
  const auto again = [&](const RunTimes& times) {
    return reload(settings, ends.guarantee, log, times);
  };
  std::function<RunTimes(const RunTimes&)> reload_settings;
  if (settings.read_again) reload_settings = std::ref(again);
  return run_to_end({.from = *ends.from,
                     .to = *ends.to,
                     .options = {.patience = {}, .log = log},
                     .times = {settings.idle_exit, settings.drain_timeout},
                     .is_service = true,
                     .manager = std::move(manager),
                     .reload = std::move(reload_settings),
                     .status = server ? &status : nullptr,
                     .losses = log,
                     .pair = pair,
                     .beginning = std::string("fifomq ") + kVersion + ": " + pair + " (" +
                                  ends.guarantee.why + ")"},
                    stop, log);
}

int plan_bridge(const Registry& registry, const BridgeSettings& settings) {
  const auto [from, to, guarantee, metrics] = plan(registry, settings);
  std::cout << "from      " << settings.from << "  (" << from.summary << ")\n"
            << "to        " << settings.to << "  (" << to.summary << ")\n"
            << "guarantee " << guarantee.name << ": " << guarantee.why << "\n";
  if (metrics) std::cout << "metrics   http://" << metrics->text << "/metrics\n";
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
                                   .times = {{}, kDrainTimeout},
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
                     .times = {settings.idle_exit, kDrainTimeout},
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
