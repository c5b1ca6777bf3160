#include "zmq_options.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::zeromq {
namespace {

constexpr OptionInfo kBody{"body", "frame|payload", "frame", "what a message part holds"};
constexpr OptionInfo kHighWaterMark{"hwm", "COUNT", "1000",
                                    "messages queued for each peer; 0 = no limit"};
constexpr OptionInfo kLinger{"linger", "DURATION", "1s",
                             "at the end, how long what is queued may take to leave"};
constexpr OptionInfo kWaitPeers{"wait_peers", "COUNT", "0",
                                "send waits until so many peers are there"};
constexpr OptionInfo kBatch{"batch", "SIZE", "0B",
                            "sending: up to so much in one ZeroMQ message, under load; 0B = never"};

constexpr auto kSendOptions = std::to_array<OptionInfo>({
    kBody,
    {"topic", "TEXT", "", "topic of messages that have none"},
    kHighWaterMark,
    {"on_full", "block|drop-new|drop-old|fail", "block", "when the queue is full"},
    kLinger,
    kBatch,
    kWaitPeers,
    core::kMaxMessageOption,
    kCurveKey,
    kCurveClients,
    kCurveServer,
    kPlaintext,
});

constexpr auto kPublishOptions = std::to_array<OptionInfo>({
    kBody,
    {"topic", "TEXT", "", "topic of messages that have none"},
    kHighWaterMark,
    {"on_full", "block|drop-new|drop-old|drop-slow|fail", "block",
     "when a subscriber's queue is full"},
    kLinger,
    kBatch,
    {"wait_peers", "COUNT", "0", "send waits until there are so many subscriptions"},
    core::kMaxMessageOption,
    kCurveKey,
    kCurveClients,
    kCurveServer,
    kPlaintext,
});

constexpr auto kReceiveOptions = std::to_array<OptionInfo>({
    kBody,
    {"topic", "TEXT", "", "topic of messages whose body=payload carries none"},
    kHighWaterMark,
    core::kMaxMessageOption,
    kCurveKey,
    kCurveClients,
    kCurveServer,
    kPlaintext,
});

constexpr auto kSubscribeOptions = std::to_array<OptionInfo>({
    kBody,
    {"topic", "TEXT", "", "subscribe to topics that begin like this; nothing = all"},
    kHighWaterMark,
    core::kMaxMessageOption,
    kCurveKey,
    kCurveClients,
    kCurveServer,
    kPlaintext,
});

constexpr auto kPairOptions = std::to_array<OptionInfo>({
    kBody,
    {"topic", "TEXT", "", "topic of messages that have none"},
    kHighWaterMark,
    {"on_full", "block|drop-new|drop-old|fail", "block", "sending: when the queue is full"},
    kLinger,
    kBatch,
    kWaitPeers,
    core::kMaxMessageOption,
    kCurveKey,
    kCurveClients,
    kCurveServer,
    kPlaintext,
});

constexpr auto kReliableOptions = std::to_array<OptionInfo>({
    {"topic", "TEXT", "", "sending: topic of messages that have none"},
    {"credit", "SIZE", "16MiB",
     "sending: memory for what is not acknowledged; receiving: taken from each sender and not "
     "committed"},
    {"linger", "DURATION", "1s", "sending: at the end, how long acknowledgements are waited for"},
    core::kMaxMessageOption,
    kCurveKey,
    kCurveClients,
    kCurveServer,
    kPlaintext,
});

constexpr Capabilities kSends{.carries_origin = true, .back_pressure = true, .sees_peer = true};
constexpr Capabilities kReceives{.carries_origin = true, .back_pressure = true};
constexpr Capabilities kReliablySends{.carries_origin = true,
                                      .sequenced = true,
                                      .back_pressure = true,
                                      .sees_peer = true,
                                      .waits_for_peer = true,
                                      .acknowledges = true,
                                      .survives_power_loss = true};
constexpr Capabilities kReliablyReceives{.carries_origin = true,
                                         .sequenced = true,
                                         .back_pressure = true,
                                         .waits_for_peer = true,
                                         .explicit_commit = true};

const auto kSchemes = std::to_array<SchemeInfo>({
    {"zmq+push",
     "zmq+push:[@]ADDRESS",
     "shares messages out among pullers",
     kSends,
     {},
     kSendOptions},
    {"zmq+pull",
     "zmq+pull:[@]ADDRESS",
     "takes messages from pushers in turn",
     {},
     kReceives,
     kReceiveOptions},
    {"zmq+pub",
     "zmq+pub:[@]ADDRESS",
     "gives each message to all its subscribers",
     kSends,
     {},
     kPublishOptions},
    {"zmq+sub", "zmq+sub:[@]ADDRESS", "subscribes to topics", {}, kReceives, kSubscribeOptions},
    {"zmq+pair", "zmq+pair:[@]ADDRESS", "one peer", kSends, kReceives, kPairOptions},
    {"zmq+reliable", "zmq+reliable:[@]ADDRESS",
     "acknowledged, and sent again until it is: any number of senders, one receiver",
     kReliablySends, kReliablyReceives, kReliableOptions},
});

constexpr auto kTypes = std::to_array<std::pair<std::string_view, SocketType>>({
    {"zmq+push", SocketType::push},
    {"zmq+pull", SocketType::pull},
    {"zmq+pub", SocketType::pub},
    {"zmq+sub", SocketType::sub},
    {"zmq+pair", SocketType::pair},
    {"zmq+reliable", SocketType::reliable},
});

constexpr std::string_view kIpc = "ipc://";

OnFull on_full_option(const core::OptionReader& reader, SocketType type) {
  const auto on_full = reader.choice<OnFull>("on_full", OnFull::block,
                                             {{"block", OnFull::block},
                                              {"drop-new", OnFull::drop_new},
                                              {"drop-old", OnFull::drop_old},
                                              {"drop-slow", OnFull::drop_slow},
                                              {"fail", OnFull::fail}});
  if (on_full == OnFull::drop_slow && type != SocketType::pub) {
    reader.refuse("on_full", "drop-slow",
                  "block|drop-new|drop-old|fail here; only a publisher can tell a "
                  "slow peer from the others");
  }
  return on_full;
}

std::uint64_t batch_option(const core::OptionReader& reader, const ZmqOptions& options) {
  constexpr std::uint64_t kLeast = std::uint64_t{4} << 10;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
  const std::uint64_t batch = reader.size_bytes("batch", 0);
  if (batch == 0) return batch;
  const std::string given = reader.text("batch").value_or("");
  if (batch < kLeast || batch > kMost) reader.refuse("batch", given, "0B, or 4KiB to 1MiB");
  if (options.body != Body::frame) reader.refuse("batch", given, "0B with body=payload");
  if (options.on_full == OnFull::drop_old) {
    reader.refuse("batch", given, "0B with on_full=drop-old, which drops single messages");
  }
  return batch;
}

std::uint64_t credit_option(const core::OptionReader& reader) {
  constexpr std::uint64_t kDefault = std::uint64_t{16} << 20;
  constexpr std::uint64_t kLeast = std::uint64_t{256} << 10;
  constexpr std::uint64_t kMost = std::uint64_t{64} << 30;
  const std::uint64_t credit = reader.size_bytes("credit", kDefault);
  if (credit < kLeast || credit > kMost) {
    reader.refuse("credit", reader.text("credit").value_or(""), "256KiB to 64GiB");
  }
  return credit;
}

void parse_address(const Endpoint& endpoint, ZmqOptions& options) {
  options.address = endpoint.address();
  options.binds = options.address.starts_with('@');
  if (options.binds) options.address.erase(0, 1);
  const std::size_t slashes = options.address.find("://");
  if (slashes == std::string::npos || slashes + 3 >= options.address.size()) {
    throw Error(Errc::invalid_endpoint, endpoint.text(),
                "'" + options.address +
                    "' is no ZeroMQ address; one is written tcp://HOST:PORT or ipc://PATH, "
                    "with @ in front to bind");
  }
}

// Who serves the socket; 0 if nobody.
pid_t serving_process(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) return 0;
  std::memcpy(address.sun_path, path.data(), path.size());
  const core::UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe || connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return 0;
  ucred server{};
  socklen_t size = sizeof server;
  return getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &server, &size) == 0 ? server.pid : 0;
}

}  // namespace

std::span<const SchemeInfo> scheme_infos() { return kSchemes; }

ZmqOptions parse_options(const Endpoint& endpoint) {
  const auto* scheme = std::ranges::find(kSchemes, endpoint.scheme(), &SchemeInfo::name);
  const core::OptionReader reader(endpoint, scheme->options);
  ZmqOptions options{.type = std::ranges::find(kTypes, endpoint.scheme(),
                                               &std::pair<std::string_view, SocketType>::first)
                                 ->second};
  options.endpoint = endpoint.text();
  parse_address(endpoint, options);
  options.body = reader.choice<Body>("body", Body::frame,
                                     {{"frame", Body::frame}, {"payload", Body::payload}});
  options.topic = reader.text("topic").value_or("");
  if (options.topic.size() > core::kMaxTopicBytes) {
    reader.refuse("topic", options.topic, "at most 1KiB");
  }
  options.high_water_mark = static_cast<int>(reader.number("hwm", 1000, 100'000'000));
  const auto linger = reader.duration("linger", options.linger);
  options.linger = std::chrono::ceil<std::chrono::milliseconds>(
      std::min<std::chrono::nanoseconds>(linger, std::chrono::hours(24)));
  options.on_full = on_full_option(reader, options.type);
  options.wait_peers = reader.number("wait_peers", 0, 100'000);
  options.max_message = core::limit_options(reader).max_message;
  options.batch = batch_option(reader, options);
  options.credit = credit_option(reader);
  options.security = security_options(reader);
  check_exposure(options.address, options.binds, options.security, options.endpoint);
  return options;
}

Capabilities capabilities_of(const ZmqOptions& options, Direction direction) {
  if (options.type == SocketType::reliable) {
    return direction == Direction::send ? kReliablySends : kReliablyReceives;
  }
  Capabilities capabilities = direction == Direction::send ? kSends : kReceives;
  capabilities.carries_origin = options.body == Body::frame;
  capabilities.back_pressure = options.on_full == OnFull::block;
  return capabilities;
}

void check_ipc_path(const ZmqOptions& options) {
  if (!options.binds || !options.address.starts_with(kIpc)) return;
  const std::string path = options.address.substr(kIpc.size());
  struct stat status {};
  // An abstract address (@) or a wildcard (*) is no path.
  if (path.starts_with('@') || path == "*" || lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) {
    throw Error(Errc::wrong_type, options.endpoint,
                path + " exists and is not a socket; it is left as it is");
  }
  if (const pid_t owner = serving_process(path); owner > 0) {
    throw Error(Errc::in_use, options.endpoint,
                path + " is in use by pid " + std::to_string(owner));
  }
}

}  // namespace fifomq::zeromq
