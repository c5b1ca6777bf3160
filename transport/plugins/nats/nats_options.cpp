#include "nats_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/framing.hpp"
#include "core/option_reader.hpp"
#include "core/posix.hpp"

namespace fifomq::jetstream {
namespace {

constexpr auto kOptions = std::to_array<OptionInfo>({
    {"stream", "NAME", "", "the JetStream stream that keeps the messages"},
    {"durable", "NAME", "fifomq", "receiving: the consumer, which remembers what was committed"},
    {"create", "no|queue|log", "no",
     "makes a missing stream, whose messages go once committed (queue) or stay (log)"},
    {"replicas", "COUNT", "1", "of a stream that is made: servers that keep each message, 1 to 5"},
    {"storage", "file|memory", "file", "of a stream that is made"},
    {"max_bytes", "SIZE", "0B", "of a stream that is made: full at so much; 0B = no limit"},
    {"max_messages", "COUNT", "0", "of a stream that is made: full at so many; 0 = no limit"},
    {"in_flight", "SIZE", "4MiB", "sending: how much may be unacknowledged"},
    {"batch", "SIZE", "0B",
     "sending: up to so many bytes of frames in one NATS message, under load; 0B = never"},
    {"linger", "DURATION", "5s", "sending: at the end, how long what is unacknowledged may take"},
    {"creds", "FILE", "", "credentials, as nsc makes them"},
    {"tls", "yes|no", "no", "only over TLS"},
    {"ca", "FILE", "", "whose certificates are trusted, with tls=yes; nothing = the system's"},
    core::kMaxMessageOption,
});

constexpr Capabilities kSends{.carries_origin = true,
                              .sequenced = true,
                              .back_pressure = true,
                              .waits_for_peer = true,
                              .acknowledges = true};
constexpr Capabilities kReceives{.carries_origin = true,
                                 .sequenced = true,
                                 .back_pressure = true,
                                 .waits_for_peer = true,
                                 .explicit_commit = true};

const auto kSchemes = std::to_array<SchemeInfo>({
    {"nats", "nats:SUBJECT@HOST", "a stream of NATS JetStream; any number of senders", kSends,
     kReceives, kOptions},
});

constexpr std::string_view kWildcards = "*>";
constexpr std::uint64_t kMostNumber = 1'000'000'000'000;

[[noreturn]] void refuse_address(const Endpoint& endpoint, const std::string& why) {
  throw Error(Errc::invalid_endpoint, endpoint.text(),
              why +
                  "; one is written SUBJECT@HOST or SUBJECT@HOST:PORT, as in "
                  "nats:readings@127.0.0.1:4222, and more servers follow behind commas");
}

// What a server takes for one token of a subject, or for a name.
bool is_token(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '\x7F';
  });
}

// The next token, which is taken off the front.
std::string_view take_token(std::string_view& subject, char separator) {
  const std::size_t end = subject.find(separator);
  const std::string_view token = subject.substr(0, end);
  subject = end == std::string_view::npos ? std::string_view() : subject.substr(end + 1);
  return token;
}

bool is_subject(std::string_view subject, bool wildcards) {
  if (subject.empty() || subject.ends_with('.')) return false;
  while (!subject.empty()) {
    const std::string_view token = take_token(subject, '.');
    const bool wild = token.find_first_of(kWildcards) != std::string_view::npos;
    if (!is_token(token) || (wild && (!wildcards || token.size() > 1))) return false;
    if (token == ">" && !subject.empty()) return false;
  }
  return true;
}

void parse_address(const Endpoint& endpoint, Direction direction, NatsOptions& options) {
  const std::string& address = endpoint.address();
  const std::size_t at = address.find('@');
  if (at == std::string::npos) refuse_address(endpoint, "no server is named");
  options.subject = address.substr(0, at);
  if (!is_subject(options.subject, direction == Direction::receive)) {
    refuse_address(endpoint, "'" + options.subject + "' is no subject to " +
                                 (direction == Direction::send ? "send to" : "receive from"));
  }
  std::string_view servers = std::string_view(address).substr(at + 1);
  if (servers.find('@') != std::string_view::npos) {
    refuse_address(endpoint, "who one is stands in a file (creds=FILE), never in the address");
  }
  if (servers.empty() || servers.ends_with(',')) refuse_address(endpoint, "no server is named");
  while (!servers.empty()) {
    const std::string_view server = take_token(servers, ',');
    if (!is_token(server) || server.find('/') != std::string_view::npos) {
      refuse_address(endpoint, "'" + std::string(server) + "' is no server");
    }
    options.servers.push_back("nats://" + std::string(server));
  }
}

std::string name_option(const core::OptionReader& reader, std::string_view key,
                        const std::string& fallback) {
  std::string name = reader.text(key).value_or(fallback);
  if (!is_token(name) || name.find_first_of(".*>/\\") != std::string::npos) {
    reader.refuse(key, name, "a name, without spaces, '.', '*', '>', '/'");
  }
  return name;
}

// A file that can be read; libnats would say no more than that something went wrong.
std::string file_option(const core::OptionReader& reader, const Endpoint& endpoint,
                        std::string_view key) {
  std::string path = reader.text(key).value_or("");
  if (!path.empty() && access(path.c_str(), R_OK) != 0) {
    throw core::system_error(errno, endpoint.text(), "read " + path);
  }
  return path;
}

void parse_stream_options(const core::OptionReader& reader, NatsOptions& options) {
  options.create = reader.choice<Create>(
      "create", Create::no, {{"no", Create::no}, {"queue", Create::queue}, {"log", Create::log}});
  options.storage = reader.choice<Storage>("storage", Storage::file,
                                           {{"file", Storage::file}, {"memory", Storage::memory}});
  options.replicas = static_cast<int>(reader.number("replicas", 1, 5));
  if (options.replicas == 0) reader.refuse("replicas", "0", "a whole number from 1 to 5");
  options.max_bytes = reader.size_bytes("max_bytes", 0);
  options.max_messages = reader.number("max_messages", 0, kMostNumber);
}

std::uint64_t batch_option(const core::OptionReader& reader) {
  constexpr std::uint64_t kLeast = 4096;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
  const std::uint64_t batch = reader.size_bytes("batch", 0);
  if (batch != 0 && (batch < kLeast || batch > kMost)) {
    reader.refuse("batch", reader.text("batch").value_or(""), "0B, or 4KiB to 1MiB");
  }
  return batch;
}

}  // namespace

std::span<const SchemeInfo> scheme_infos() { return kSchemes; }

NatsOptions parse_options(const Endpoint& endpoint, Direction direction) {
  const core::OptionReader reader(endpoint, kOptions);
  NatsOptions options;
  options.endpoint = endpoint.text();
  parse_address(endpoint, direction, options);
  if (!reader.text("stream")) {
    throw Error(Errc::invalid_option, endpoint.text(),
                "stream=NAME is missing: it says which stream keeps the messages");
  }
  options.stream = name_option(reader, "stream", "");
  options.durable = name_option(reader, "durable", "fifomq");
  parse_stream_options(reader, options);
  options.in_flight = reader.size_bytes("in_flight", std::uint64_t{4} << 20);
  options.batch = batch_option(reader);
  options.linger = std::chrono::ceil<std::chrono::milliseconds>(std::min<std::chrono::nanoseconds>(
      reader.duration("linger", options.linger), std::chrono::hours(24)));
  options.credentials = file_option(reader, endpoint, "creds");
  options.tls = reader.choice<bool>("tls", false, {{"yes", true}, {"no", false}});
  options.authorities = file_option(reader, endpoint, "ca");
  if (!options.authorities.empty() && !options.tls) {
    reader.refuse("ca", options.authorities, "a file together with tls=yes");
  }
  options.max_message = core::limit_options(reader).max_message;
  return options;
}

bool covers(std::string_view pattern, std::string_view subject) {
  while (!pattern.empty() && !subject.empty()) {
    const std::string_view wanted = take_token(pattern, '.');
    if (wanted == ">") return true;
    const std::string_view token = take_token(subject, '.');
    if (wanted != token && (wanted != "*" || token == ">")) return false;
  }
  return pattern.empty() && subject.empty();
}

}  // namespace fifomq::jetstream
