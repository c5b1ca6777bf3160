// `fifomq`: the program. Builds the registry of transports, reads the command line, runs a
// subcommand.
#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>
#include <fifomq/version.hpp>

#include "commands.hpp"
#include "config_error.hpp"
#include "core/suggest.hpp"
#include "log.hpp"
#include "plugins.hpp"

namespace fifomq {
namespace {

constexpr auto kOutOfMemory = "out of memory";

// What the command line said, as it was typed.
struct CommandLine {
  bool quiet = false;
  std::string log_format;
  std::vector<std::string> plugins;
  BridgeSettings bridge;
  std::string config;
  std::string idle_exit;
  std::string drain_timeout;
  std::string require;
  std::map<std::string, std::string, std::less<>> between;  // what stands there, by its scheme
  bool dry_run = false;
  SendSettings send;
  std::string timeout;
  RecvSettings recv;
  TypedSettings typed;
  // Of the commands that transports contribute; one of them was given.
  CommandCall call;
};

// `-?format=json` is an endpoint, which the parser would take for an option. A space in front hides
// the dash from it, and is taken off again where an endpoint is stored.
constexpr std::string_view kDashEndpoint = "-?";

std::vector<std::string> shield_endpoints(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  for (std::string& word : words) {
    if (word.starts_with(kDashEndpoint)) word.insert(0, " ");
  }
  return words;
}

std::string unshield(std::string word) {
  if (word.starts_with(" " + std::string(kDashEndpoint))) word.erase(0, 1);
  return word;
}

// The parser would only say that some subcommand is required.
void check_command(const CLI::App& app, const std::vector<std::string>& words) {
  bool is_value = false;
  const auto command = std::ranges::find_if(words, [&](const std::string& word) {
    const CLI::Option* const option = app.get_option_no_throw(word);
    const bool found = !is_value && !word.starts_with('-');
    is_value = option != nullptr && option->get_items_expected_min() > 0;
    return found;
  });
  if (command == words.end()) return;
  std::vector<std::string> names;
  for (const CLI::App* known : app.get_subcommands({})) names.push_back(known->get_name());
  if (std::ranges::find(names, *command) != names.end()) return;
  const std::vector<std::string_view> known(names.begin(), names.end());
  throw ConfigError("unknown command '" + *command + "'" + core::suggestion(*command, known));
}

void declare_typed(CLI::App& command, TypedSettings& typed) {
  command.add_option("--descriptor-set", typed.descriptor_set,
                     "the types of payloads, which are JSON here (protoc --descriptor_set_out)");
  command.add_option("--type", typed.type, "full name of the payloads' type");
}

void declare_contributed(CLI::App& app, const Registry& registry, CommandLine& line) {
  for (const CommandInfo& command : registry.commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    sub->add_option(std::string(command.argument), line.call.argument)->required();
    for (const OptionInfo& option : command.options) {
      const std::string key(option.key);
      sub->add_option_function<std::string>(
          "--" + key, [&line, key](const std::string& value) { line.call.options[key] = value; },
          std::string(option.meaning) + ": " + std::string(option.values));
    }
    if (command.shows_payloads) declare_typed(*sub, line.typed);
  }
}

// Each scheme that may stand between the ends.
void declare_between(CLI::App& bridge, const Registry& registry, CommandLine& line) {
  for (const SchemeInfo& scheme : registry.schemes()) {
    if (!scheme.between) continue;
    bridge.add_option("--" + std::string(scheme.between->key),
                      line.between[std::string(scheme.name)], std::string(scheme.between->meaning));
  }
}

void declare_bridge(CLI::App& app, const Registry& registry, CommandLine& line) {
  CLI::App* bridge = app.add_subcommand("bridge", "relay messages from one endpoint to another");
  bridge->add_option("FROM", line.bridge.from, "where messages come from")->transform(unshield);
  bridge->add_option("TO", line.bridge.to, "where they go")->transform(unshield);
  bridge->add_option("--config", line.config, "read settings from a TOML file");
  bridge->add_option("--count", line.bridge.count, "end after so many messages")
      ->check(CLI::NonNegativeNumber);
  bridge->add_option("--idle-exit", line.idle_exit, "end when nothing has come for so long");
  bridge->add_option("--drain-timeout", line.drain_timeout,
                     "asked to stop, carry over what is there for at most so long (default: 5s)");
  bridge->add_option("--require", line.require, "refuse to start below this guarantee");
  bridge->add_option("--metrics", line.bridge.metrics,
                     "answer Prometheus at HOST:PORT/metrics, and at /healthz");
  bridge->add_option("--dead-letter", line.bridge.dead_letter,
                     "append what TO refuses for good to this file, as frames");
  declare_between(*bridge, registry, line);
  bridge->add_flag("--dry-run", line.dry_run, "check everything, print the plan, move nothing");
}

void declare_send(CLI::App& app, CommandLine& line) {
  CLI::App* send =
      app.add_subcommand("send", "send lines of standard input, or of files, as messages");
  send->add_option("TO", line.send.to, "where they go")->required()->transform(unshield);
  send->add_option("FILE", line.send.files, "read these instead of standard input");
  declare_typed(*send, line.send.typed);
  send->add_option("--timeout", line.timeout, "fail when one message has to wait longer");
}

void declare_recv(CLI::App& app, CommandLine& line) {
  CLI::App* recv = app.add_subcommand("recv", "print messages, one on a line");
  recv->add_option("FROM", line.recv.from, "where messages come from")
      ->required()
      ->transform(unshield);
  recv->add_option("--count", line.recv.count, "end after so many messages, and take no more")
      ->check(CLI::NonNegativeNumber);
  recv->add_option("--format", line.recv.format,
                   "text, json, hex, or raw (payloads and nothing else)")
      ->capture_default_str();
  declare_typed(*recv, line.recv.typed);
  recv->add_option("--idle-exit", line.idle_exit, "end when nothing has come for so long");
}

void declare(CLI::App& app, const Registry& registry, CommandLine& line) {
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("fifomq ") + kVersion);
  app.add_flag("--quiet", line.quiet, "say nothing but warnings and errors");
  app.add_option("--log-format", line.log_format, "text, or json: an object on each line");
  add_plugin_option(app, line.plugins);
  app.fallthrough();
  declare_bridge(app, registry, line);
  declare_send(app, line);
  declare_recv(app, line);
  app.add_subcommand("transports", "list schemes, what they can do, and their options");
}

void merge_between(const Registry& registry, const CommandLine& line, BridgeSettings& settings) {
  for (const SchemeInfo& scheme : registry.schemes()) {
    const auto given = line.between.find(scheme.name);
    if (given == line.between.end() || given->second.empty()) continue;
    settings.between = endpoint_between(scheme, given->second);
    settings.between_place.clear();
    settings.between_key = scheme.between->key;
  }
}

// The command line has the last word over the file.
BridgeSettings merge(const Registry& registry, const CommandLine& line) {
  BridgeSettings settings =
      line.config.empty() ? BridgeSettings{} : load_settings(line.config, registry.schemes());
  merge_between(registry, line, settings);
  if (!line.bridge.from.empty()) {
    settings.from = line.bridge.from;
    settings.from_place.clear();
  }
  if (!line.bridge.to.empty()) {
    settings.to = line.bridge.to;
    settings.to_place.clear();
  }
  if (line.bridge.count) settings.count = line.bridge.count;
  if (!line.idle_exit.empty()) settings.idle_exit = duration_setting("--idle-exit", line.idle_exit);
  if (!line.drain_timeout.empty()) {
    settings.drain_timeout = duration_setting("--drain-timeout", line.drain_timeout);
  }
  if (!line.require.empty()) {
    settings.require = line.require;
    settings.places.erase("require");
    check_guarantee_name("--require", line.require);
  }
  if (!line.bridge.metrics.empty()) {
    settings.metrics = line.bridge.metrics;
    settings.metrics_place = line.bridge.metrics_place;
  }
  if (!line.bridge.dead_letter.empty()) {
    settings.dead_letter = line.bridge.dead_letter;
    settings.dead_letter_place = line.bridge.dead_letter_place;
  }
  // Those of the command line are loaded already.
  if (!line.plugins.empty()) settings.plugins.clear();
  if (!line.config.empty()) settings.read_again = [&] { return merge(registry, line); };
  return settings;
}

Console console_of(const Log& log) {
  Console console{.log = log.sink()};
  console.status_line = log.status_line();
  console.status_line_end = log.status_line_end();
  return console;
}

void load_plugins(Registry& registry, const BridgeSettings& settings) {
  for (const std::string& file : settings.plugins) {
    try {
      registry.load(file);
    } catch (const Error& error) {
      throw ConfigError(settings.places.at("plugin") + ": " + error.what());
    }
  }
}

int bridge(Registry& registry, const CommandLine& line, Log& log) {
  const BridgeSettings settings = merge(registry, line);
  load_plugins(registry, settings);
  if (line.log_format.empty()) log.configure(settings.log_format, line.quiet);
  return line.dry_run ? plan_bridge(registry, settings)
                      : run_bridge(registry, settings, console_of(log));
}

int dispatch(const CLI::App& app, Registry& registry, CommandLine& line, Log& lines) {
  const LogSink log = lines.sink();
  for (const CommandInfo& command : registry.commands()) {
    if (!app.got_subcommand(std::string(command.name))) continue;
    line.call.log = log;
    line.call.show_payload = payload_shower(line.typed, log);
    return command.run(line.call);
  }
  if (app.got_subcommand("transports")) return print_transports(registry);
  if (app.got_subcommand("send")) {
    if (!line.timeout.empty()) line.send.timeout = duration_setting("--timeout", line.timeout);
    return run_send(registry, line.send, console_of(lines));
  }
  if (app.got_subcommand("recv")) {
    if (!line.idle_exit.empty())
      line.recv.idle_exit = duration_setting("--idle-exit", line.idle_exit);
    return run_recv(registry, line.recv, console_of(lines));
  }
  return bridge(registry, line, lines);
}

// What goes wrong while channels are opened is bad configuration; afterwards it is a run that
// failed.
bool is_configuration(const Error& error) {
  return error.errc() != Errc::system_failure && error.errc() != Errc::full;
}

int run_command(CLI::App& app, std::vector<std::string> words, CommandLine& line, Log& log) {
  Registry registry = builtin_transports();
  for (const std::string& file : plugins_of_environment()) registry.load(file);
  for (const std::string& file : plugins_asked_for(words)) registry.load(file);
  declare(app, registry, line);
  declare_contributed(app, registry, line);
  check_command(app, words);
  std::ranges::reverse(words);  // as the parser wants them
  app.parse(words);
  const LogFormat format =
      line.log_format.empty() ? LogFormat::text : log_format("--log-format", line.log_format);
  log.configure(format, line.quiet);
  return dispatch(app, registry, line, log);
}

// Every connection takes a descriptor. The soft limit is low for the sake of select(2), which
// nobody here calls.
void use_all_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(int argc, char** argv) {
  use_all_descriptors();
  // A file that may not grow is an error of its write, and said as one.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app("Message channels over named pipes and ZeroMQ", "fifomq");
  CommandLine line;
  Log log;
  const auto complain = [&log](const std::string& sentence, int status) {
    log.error(sentence);
    return status;
  };
  try {
    return run_command(app, shield_endpoints(argc, argv), line, log);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return complain(std::string(error.what()) + "; see fifomq --help", kBadUsage);
  } catch (const ConfigError& error) {
    return complain(error.what(), kBadUsage);
  } catch (const Error& error) {
    return complain(error.what(), is_configuration(error) ? kBadUsage : kRunFailed);
  } catch (const std::bad_alloc&) {
    return complain(kOutOfMemory, kRunFailed);
  } catch (const std::exception& error) {
    return complain(error.what(), kRunFailed);
  }
}

}  // namespace
}  // namespace fifomq

int main(int argc, char** argv) {
  try {
    return fifomq::run(argc, argv);
  } catch (const std::bad_alloc&) {
    // Not even the complaint could be made; this one takes no memory.
    std::fprintf(stderr, "fifomq: %s\n", fifomq::kOutOfMemory);
  } catch (...) {
    return fifomq::kRunFailed;
  }
  return fifomq::kRunFailed;
}
