#include "spool_command.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <iostream>
#include <optional>
#include <string>

#include <fifomq/error.hpp>

#include "record_reader.hpp"
#include "spool_folder.hpp"
#include "spool_options.hpp"

namespace fifomq::spool {
namespace {

constexpr std::uint64_t kNanos = 1'000'000'000;

struct Contents {
  Counters counters;
  std::uint64_t oldest_unix_nanos = 0;  // 0 = not known
};

// When a message was stamped; one without a stamp is no older than the file it stands in.
std::uint64_t time_of(const MessageView& message, const core::UniqueFd& file) {
  if (message.sent_unix_nanos != 0) return message.sent_unix_nanos;
  struct statx status {};
  const bool known = statx(file.get(), "", AT_EMPTY_PATH, STATX_BTIME, &status) == 0 &&
                     (status.stx_mask & STATX_BTIME) != 0;
  if (!known) return 0;
  return static_cast<std::uint64_t>(status.stx_btime.tv_sec) * kNanos + status.stx_btime.tv_nsec;
}

Contents read_through(const SpoolFolder& folder, const SpoolState& state,
                      const SpoolOptions& options) {
  // What comes meanwhile is not waited for.
  const auto written = state.written.load();
  Contents contents;
  RecordReader reader(folder, state.written, options, state.committed.load(), {});
  MessageView message;
  while (!written || reader.position() < written->second) {
    const auto look = reader.next(message);
    if (look == RecordReader::Look::nothing) break;
    if (look == RecordReader::Look::message && reader.counters().messages_delivered == 1) {
      contents.oldest_unix_nanos = time_of(message, reader.file());
    }
  }
  contents.counters = reader.counters();
  return contents;
}

// Of what its receiver takes away meanwhile, some may seem to be missing: then once more.
Contents look_into(const SpoolFolder& folder, const SpoolState& state,
                   const SpoolOptions& options) {
  constexpr int kMostTries = 10;
  for (int tries = 1;; ++tries) {
    const auto committed = state.committed.load();
    const Contents contents = read_through(folder, state, options);
    const bool is_still = state.committed.load() == committed;
    if (is_still || contents.counters.bytes_skipped == 0 || tries == kMostTries) return contents;
  }
}

std::string utc(std::uint64_t unix_nanos) {
  const auto seconds = static_cast<time_t>(unix_nanos / kNanos);
  std::tm time{};
  std::array<char, sizeof "2026-01-01T00:00:00Z"> text{};
  gmtime_r(&seconds, &time);
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return text.data();
}

nlohmann::ordered_json known(std::uint64_t number) {
  if (number == 0) return nullptr;
  return number;
}

void print_json(const Contents& contents, std::uint64_t sender, std::uint64_t receiver) {
  const Counters& counters = contents.counters;
  std::cout << nlohmann::ordered_json{{"messages", counters.messages_delivered},
                                      {"bytes", counters.bytes_in_messages},
                                      {"oldest_unix_nanos", known(contents.oldest_unix_nanos)},
                                      {"too_large", counters.too_large},
                                      {"frames_damaged", counters.frames_damaged},
                                      {"bytes_skipped", counters.bytes_skipped},
                                      {"sender_pid", known(sender)},
                                      {"receiver_pid", known(receiver)}}
                   .dump()
            << '\n';
}

void print_text(const Contents& contents, std::uint64_t sender, std::uint64_t receiver) {
  const Counters& counters = contents.counters;
  std::cout << counters.messages_delivered << " messages wait, " << counters.bytes_in_messages
            << " bytes";
  if (contents.oldest_unix_nanos != 0) {
    std::cout << ", the oldest since " << utc(contents.oldest_unix_nanos);
  }
  if (counters.bytes_skipped > 0) {
    std::cout << ", " << counters.bytes_skipped << " bytes damaged or too large";
  }
  const auto who = [](std::uint64_t pid) {
    return pid == 0 ? std::string("nobody") : "pid " + std::to_string(pid);
  };
  std::cout << "\nsender " << who(sender) << ", receiver " << who(receiver) << '\n';
}

bool is_json(const CommandCall& call) {
  const auto given = call.options.find("format");
  if (given == call.options.end() || given->second == "text") return false;
  if (given->second == "json") return true;
  throw Error(Errc::invalid_option, call.argument, "--format " + given->second + ": text or json");
}

// DIR, or an endpoint with its options.
SpoolOptions options_of(const CommandCall& call) {
  const std::string& argument = call.argument;
  const std::string scheme = argument.substr(0, argument.find(':'));
  if (scheme == "spool") return parse_options(Endpoint::parse(argument));
  if (scheme.size() < argument.size() && scheme.find('/') == std::string::npos) {
    throw Error(Errc::invalid_endpoint, argument, "this is for spools: DIR, or spool:DIR");
  }
  return parse_options(Endpoint::parse("spool:" + argument));
}

int run_spool(const CommandCall& call) {
  const bool json = is_json(call);
  const SpoolOptions options = options_of(call);
  const SpoolFolder folder = SpoolFolder::existing(options);
  const SpoolState state(folder, options, Access::look);
  const Contents contents = look_into(folder, state, options);
  const auto sender = static_cast<std::uint64_t>(folder.owner(SpoolFolder::End::sender));
  const auto receiver = static_cast<std::uint64_t>(folder.owner(SpoolFolder::End::receiver));
  (json ? print_json : print_text)(contents, sender, receiver);
  return 0;
}

constexpr auto kCommandOptions =
    std::to_array<OptionInfo>({{"format", "text|json", "text", "how it is printed"}});

constexpr auto kCommands = std::to_array<CommandInfo>({
    {"spool", "DIR", "show what waits in a spool, and take nothing", kCommandOptions, run_spool},
});

}  // namespace

std::span<const CommandInfo> command_infos() { return kCommands; }

}  // namespace fifomq::spool
