#include <deque>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include <fifomq/error.hpp>
#include <fifomq/relay.hpp>
#include <fifomq/version.hpp>

#include "commands.hpp"
#include "config_error.hpp"
#include "dead_letter_file.hpp"
#include "guarantee.hpp"
#include "metrics_server.hpp"
#include "observed_sender.hpp"
#include "relay_legs.hpp"
#include "relay_status.hpp"
#include "reload.hpp"
#include "service_manager.hpp"
#include "status_line.hpp"
#include "stop_signals.hpp"

namespace fifomq {
namespace {

// An endpoint, and where it was written.
struct WrittenEndpoint {
  std::string endpoint;
  std::string place;

  // What is wrong with it is said with that.
  template <typename Action>
  auto at(Action action) const {
    try {
      return action();
    } catch (const Error& error) {
      if (place.empty()) throw;
      throw ConfigError(place + ": " + error.what());
    }
  }
};

// What one relay goes from and to.
struct Pair {
  WrittenEndpoint from;
  WrittenEndpoint to;

  std::string text() const { return from.endpoint + " -> " + to.endpoint; }
};

// One, or two with what stands between them.
std::vector<Pair> pairs_of(const BridgeSettings& settings) {
  const WrittenEndpoint from{settings.from, settings.from_place};
  const WrittenEndpoint to{settings.to, settings.to_place};
  if (settings.between.empty()) return {{from, to}};
  const WrittenEndpoint between{settings.between, settings.between_place};
  return {{from, between}, {between, to}};
}

Guarantee guarantee_through(const std::vector<Pair>& pairs, const std::vector<Guarantee>& each) {
  if (each.size() == 1) return each.front();
  return guarantee_of({pairs.front().text(), each.front()}, {pairs.back().text(), each.back()});
}

struct Plan {
  std::vector<Pair> pairs;
  std::vector<Guarantee> guarantees;  // of each pair
  std::optional<MetricsAddress> metrics;

  Guarantee guarantee() const { return guarantee_through(pairs, guarantees); }
};

std::string reason_of(const Guarantee& guarantee) {
  return guarantee.why + (guarantee.raised_by.empty() ? "" : "; " + guarantee.raised_by);
}

void check_required(const BridgeSettings& settings, const Guarantee& guarantee) {
  if (settings.require.empty() || gives(guarantee, settings.require)) return;
  const auto place = settings.places.find("require");
  throw ConfigError((place == settings.places.end() ? "" : place->second + ": ") + "--require " +
                    settings.require + ": this pair gives " + std::string(guarantee.name) +
                    ", because " + reason_of(guarantee));
}

void check(const Registry& registry, const Pair& pair) {
  pair.from.at([&] { registry.check(pair.from.endpoint, Direction::receive); });
  pair.to.at([&] { registry.check(pair.to.endpoint, Direction::send); });
}

// Throws what is wrong with the settings, before anything is opened or made.
Plan plan(const Registry& registry, const BridgeSettings& settings) {
  if (settings.from.empty() || settings.to.empty()) {
    throw ConfigError("a bridge needs two endpoints, FROM and TO; see fifomq bridge --help");
  }
  Plan plan{.pairs = pairs_of(settings), .guarantees = {}, .metrics = {}};
  for (const Pair& pair : plan.pairs) {
    check(registry, pair);
    plan.guarantees.push_back(
        guarantee_of(registry.capabilities(pair.from.endpoint, Direction::receive),
                     registry.capabilities(pair.to.endpoint, Direction::send), registry.schemes()));
  }
  check_required(settings, plan.guarantee());
  if (!settings.dead_letter.empty()) {
    DeadLetterFile::check(settings.dead_letter_place, settings.dead_letter);
  }
  if (!settings.metrics.empty()) {
    plan.metrics = metrics_address(settings.metrics_place, settings.metrics);
  }
  return plan;
}

// Reads the settings anew, and takes over all or nothing.
IdleExit reload(const BridgeSettings& running, const Guarantee& guarantee, const LogSink& log,
                StopSignals& stop, IdleExit idle_exit) {
  try {
    const BridgeSettings fresh = running.read_again();
    check_reload(running, fresh);
    check_required(fresh, guarantee);
    log(LogLevel::info, fresh.file + ": reloaded");
    stop.set_drain_timeout(fresh.drain_timeout);
    return fresh.idle_exit;
  } catch (const ConfigError& error) {
    log(LogLevel::warning, std::string(error.what()) + "; not reloaded, all stays as it was");
    return idle_exit;
  }
}

std::unique_ptr<DeadLetters> open_letters_of(const BridgeSettings& settings) {
  if (settings.dead_letter.empty()) return nullptr;
  return std::make_unique<DeadLetterFile>(settings.dead_letter_place, settings.dead_letter);
}

// What a leg stands on.
struct Ends {
  std::unique_ptr<DeadLetters> letters;
  std::unique_ptr<Sender> to;
  std::unique_ptr<Receiver> from;
};

// From the far end on, so that nothing is taken in that has nowhere to go. What a scheme can do, an
// endpoint may not, nor this system: `plan` has it exactly afterwards.
std::deque<Ends> open_ends(const Registry& registry, const BridgeSettings& settings, Plan& plan,
                           const LogSink& log) {
  std::deque<Ends> ends;
  for (std::size_t i = plan.pairs.size(); i-- > 0;) {
    const WrittenEndpoint& from = plan.pairs[i].from;
    const WrittenEndpoint& to = plan.pairs[i].to;
    const bool commits = gives(plan.guarantees[i], kAtLeastOnce);
    OpenOptions open_from{.log = log, .explicit_commit = commits};
    if (i == 0) open_from.take_at_most = settings.count;
    if (i == 0 && plan.pairs.size() > 1) {
      open_from.half_done_file = Endpoint::parse(settings.between).address() + "/half_done";
    }
    Ends& leg = ends.emplace_front();
    leg.letters = open_letters_of(settings);
    leg.to = to.at([&] { return registry.open_sender(to.endpoint, {.log = log}); });
    leg.from = from.at([&] { return registry.open_receiver(from.endpoint, open_from); });
    if (!commits) continue;
    plan.guarantees[i] =
        guarantee_of(leg.from->capabilities(), leg.to->capabilities(), registry.schemes());
  }
  check_required(settings, plan.guarantee());
  return ends;
}

void announce(const MetricsServer& server, const MetricsAddress& address, const LogSink& log) {
  log(LogLevel::info, "metrics: " + server.url());
  if (address.is_loopback) return;
  log(LogLevel::warning, "metrics: " + address.text +
                             " is open to other machines, without a password and in plain text");
}

// What those who ask are answered from: a status for each leg.
using Statuses = std::deque<RelayStatus>;

std::vector<WatchedRelay> watched_relays(const std::vector<Pair>& pairs, Statuses& statuses) {
  std::vector<WatchedRelay> watched;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string leg = pairs.size() == 1 ? "" : i == 0 ? "in" : "out";
    watched.push_back({statuses[i], {pairs[i].from.endpoint, pairs[i].to.endpoint, leg}});
  }
  return watched;
}

std::string sentence_of(const BridgeSettings& settings, const Guarantee& guarantee) {
  const std::string between = settings.between.empty() ? "" : settings.between + " -> ";
  return settings.from + " -> " + between + settings.to + ": " + std::string(guarantee.name);
}

// Messages go by way of those who are told of them.
void observe(std::deque<Ends>& ends, Statuses& statuses) {
  for (std::size_t i = 0; i < ends.size(); ++i) {
    ends[i].to = std::make_unique<ObservedSender>(std::move(ends[i].to), statuses[i]);
  }
}

std::vector<Leg> legs_of(const std::deque<Ends>& ends, Statuses* statuses, const LogSink& log) {
  std::vector<Leg> legs;
  for (const Ends& each : ends) {
    RelayStatus* const status = statuses ? &statuses->at(legs.size()) : nullptr;
    legs.push_back({.from = *each.from, .to = *each.to, .status = status});
    // All legs together are one bridge, which counts once.
    legs.back().options = {.counts_as_hop = legs.size() == ends.size(),
                           .patience = {},
                           .log = log,
                           .dead_letters = each.letters.get()};
  }
  return legs;
}

}  // namespace

int run_bridge(const Registry& registry, const BridgeSettings& settings, const Console& console) {
  const LogSink& log = console.log;
  using Hangup = StopSignals::Hangup;
  StopSignals stop(settings.read_again ? Hangup::take : Hangup::leave);
  ServiceManager manager = ServiceManager::of_environment(log);
  Plan planned = plan(registry, settings);
  // They outlive the ends, which may take a while to close, and tell so.
  Statuses statuses(planned.pairs.size());
  std::optional<MetricsServer> server;
  if (planned.metrics) {
    server.emplace(settings.metrics_place, *planned.metrics,
                   watched_relays(planned.pairs, statuses));
    announce(*server, *planned.metrics, log);
  }
  std::deque<Ends> ends = open_ends(registry, settings, planned, log);
  if (server) observe(ends, statuses);
  const auto line = status_line_of(
      console.status_line,
      {.input = is_standard_stream(settings.from), .output = is_standard_stream(settings.to)},
      {.messages = settings.count});
  const Guarantee guarantee = planned.guarantee();
  std::vector<Leg> legs = legs_of(ends, server ? &statuses : nullptr, log);
  legs.front().idle_exit = settings.idle_exit;
  if (settings.read_again) {
    legs.front().reload = [&](IdleExit idle_exit) {
      return reload(settings, guarantee, log, stop, idle_exit);
    };
  }
  legs.back().line = line.get();
  const std::string pair = sentence_of(settings, guarantee);
  return run_to_end({.legs = std::move(legs),
                     .drain_timeout = settings.drain_timeout,
                     .is_service = true,
                     .manager = manager,
                     .losses = log,
                     .pair = pair,
                     .beginning = std::string("fifomq ") + kVersion + ": " + pair + " (" +
                                  reason_of(guarantee) + ")"},
                    stop, console);
}

int plan_bridge(const Registry& registry, const BridgeSettings& settings) {
  const Plan planned = plan(registry, settings);
  const auto show = [&](const char* word, const std::string& endpoint, Direction direction) {
    std::cout << word << endpoint << "  (" << registry.check(endpoint, direction).summary << ")\n";
  };
  show("from      ", settings.from, Direction::receive);
  if (!settings.between.empty()) show("between   ", settings.between, Direction::send);
  show("to        ", settings.to, Direction::send);
  const Guarantee guarantee = planned.guarantee();
  std::cout << "guarantee " << guarantee.name << ": " << guarantee.why << "\n";
  if (!guarantee.raised_by.empty()) std::cout << "more      " << guarantee.raised_by << "\n";
  if (!settings.dead_letter.empty()) std::cout << "letters   " << settings.dead_letter << "\n";
  if (planned.metrics) std::cout << "metrics   http://" << planned.metrics->text << "/metrics\n";
  return kDone;
}

}  // namespace fifomq
