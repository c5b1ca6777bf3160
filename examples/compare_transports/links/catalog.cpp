#include "links/catalog.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "descriptor.hpp"
#include "failure.hpp"
#include "links/bridge_link.hpp"
#include "links/channel_link.hpp"
#include "links/pipe_link.hpp"
#include "links/queue_links.hpp"
#include "links/zmq_link.hpp"

namespace compare {
namespace {

using Carries = bool (*)(std::size_t);

// A message written byte by byte is a matter of seconds beyond this.
constexpr std::size_t kLargestByteByByte = 65536;

// A port that is free now: the receiver binds it a moment later.
std::string free_tcp_address() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), generic, size) != 0 ||
      ::getsockname(socket.get(), generic, &size) != 0) {
    throw system_failure("find a free TCP port");
  }
  return "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

std::string ipc_address(const Place& place) { return "ipc://" + place.stem.string() + ".ipc"; }

std::unique_ptr<Link> make_fifo_link(const Place& place, const std::string& options) {
  const std::string endpoint = "fifo:" + place.stem.string() + ".fifo" + options;
  return make_channel_link({.sender = endpoint, .receiver = endpoint});
}

std::unique_ptr<Link> make_zmq_channel_link(const std::string& address) {
  return make_channel_link({.sender = "zmq+push:" + address, .receiver = "zmq+pull:@" + address});
}

void add_channels(Catalog& catalog) {
  catalog.rows.push_back({.name = std::string(rows::kFifo),
                          .make_link = [](const Place& at) { return make_fifo_link(at, ""); }});
  catalog.rows.push_back(
      {.name = std::string(rows::kFifoBusyPoll),
       .make_link = [](const Place& at) { return make_fifo_link(at, "?busy_poll=50us"); },
       .spins = true});
  catalog.rows.push_back(
      {.name = std::string(rows::kFifoReused),
       .make_link = [](const Place& at) { return make_fifo_link(at, "?pages=reused"); },
       .has_round_trip = false});
  catalog.rows.push_back({.name = std::string(rows::kZmqIpc), .make_link = [](const Place& at) {
                            return make_zmq_channel_link(ipc_address(at));
                          }});
  catalog.rows.push_back({.name = std::string(rows::kZmqTcp), .make_link = [](const Place&) {
                            return make_zmq_channel_link(free_tcp_address());
                          }});
  catalog.rows.push_back(
      {.name = std::string(rows::kMemory),
       .make_link =
           [](const Place& at) {
             const std::string endpoint = "memory:" + at.stem.filename().string();
             return make_channel_link({.sender = endpoint, .receiver = endpoint});
           },
       .in_threads = true});
}

void add_pipes(Catalog& catalog) {
  const auto pipe_with = [](PipeWrites writes) {
    return [writes](const Place& place) { return make_pipe_link(place, writes); };
  };
  catalog.rows.push_back(
      {.name = std::string(rows::kRawPipe), .make_link = pipe_with(PipeWrites::per_message)});
  catalog.rows.push_back({.name = std::string(rows::kRawPipe4KiB),
                          .make_link = pipe_with(PipeWrites::in_pages),
                          .has_round_trip = false});
  catalog.rows.push_back({.name = std::string(rows::kRawPipe1B),
                          .make_link = pipe_with(PipeWrites::per_byte),
                          .largest_message_bytes = kLargestByteByByte,
                          .has_round_trip = false});
  catalog.round_trips.push_back({.name = std::string(rows::kRawPipeSpinning),
                                 .make_link =
                                     [](const Place& place) {
                                       return make_pipe_link(place, PipeWrites::per_message,
                                                             PipeWaits::spinning);
                                     },
                                 .spins = true});
}

void add_zmq(Catalog& catalog) {
  catalog.rows.push_back({.name = std::string(rows::kLibzmqIpc), .make_link = [](const Place& at) {
                            return make_zmq_link(at, ipc_address(at));
                          }});
  catalog.rows.push_back({.name = std::string(rows::kLibzmqTcp), .make_link = [](const Place& at) {
                            return make_zmq_link(at, free_tcp_address());
                          }});
}

// The largest of the sizes that it carries; 0 when it carries none.
std::size_t largest_carried(const std::vector<std::size_t>& sizes, Carries carries) {
  std::size_t largest = 0;
  for (const std::size_t size : sizes) {
    if (size > largest && carries(size)) largest = size;
  }
  return largest;
}

void add_queues(Catalog& catalog, const std::vector<std::size_t>& sizes) {
  const auto missing = [&catalog](std::string_view name, std::string_view package) {
    catalog.left_out.push_back(
        {.name = std::string(name),
         .reason = std::string(package) + " was not installed when this program was built"});
  };
#ifdef COMPARE_NNG
  catalog.rows.push_back({.name = std::string(rows::kNngIpc), .make_link = make_nng_link});
#else
  missing(rows::kNngIpc, "libnng-dev");
#endif
#ifdef COMPARE_NANOMSG
  catalog.rows.push_back({.name = std::string(rows::kNanomsgIpc), .make_link = make_nanomsg_link});
#else
  missing(rows::kNanomsgIpc, "libnanomsg-dev");
#endif
  catalog.rows.push_back({.name = std::string(rows::kSeqpacket),
                          .make_link = make_seqpacket_link,
                          .largest_message_bytes = largest_carried(sizes, seqpacket_carries)});
  catalog.rows.push_back({.name = std::string(rows::kPosixMq),
                          .make_link = make_posix_mq_link,
                          .largest_message_bytes = largest_carried(sizes, posix_mq_carries)});
#ifdef COMPARE_BOOST
  catalog.rows.push_back({.name = std::string(rows::kBoost), .make_link = make_boost_link});
#else
  missing(rows::kBoost, "libboost-dev");
#endif
  (void)missing;  // not needed where all are there
}

void add_bridges(Catalog& catalog) {
  if (bridge_program().empty()) {
    catalog.left_out.push_back({.name = std::string(rows::kBridge),
                                .reason = "there is no program fifomq beside this one"});
    return;
  }
  const auto add = [&catalog](std::string_view name, const BridgeWay& way) {
    catalog.bridges.push_back({.name = std::string(name), .make_link = [way](const Place& at) {
                                 return make_bridge_link(at, way);
                               }});
  };
  const BridgeWay reliable{.sends = "zmq+reliable", .receives = "zmq+reliable"};
  BridgeWay spooled = reliable;
  spooled.spool_options = "sync=interval=100ms";
  add(rows::kBridge, {.receiver = BridgeReceiver::bare_pull});
  add(rows::kBridgeBatch, {.options = "batch=64KiB"});
  add(rows::kBridgeReliable, reliable);
  add(rows::kBridgeSpool, spooled);
}

void note_sizes_left_out(Catalog& catalog, const std::vector<std::size_t>& sizes) {
  for (const Transport& transport : catalog.rows) {
    for (const std::size_t size : sizes) {
      if (size <= transport.largest_message_bytes) continue;
      catalog.left_out.push_back(
          {.name = transport.name,
           .reason = transport.name == rows::kRawPipe1B
                         ? "a message of " + std::to_string(size) + " B takes too long"
                         : "the system does not let it carry " + std::to_string(size) + " B"});
    }
  }
}

}  // namespace

Catalog make_catalog(const std::vector<std::size_t>& sizes) {
  Catalog catalog;
  add_channels(catalog);
  add_pipes(catalog);
  add_zmq(catalog);
  add_queues(catalog, sizes);
  add_bridges(catalog);
  note_sizes_left_out(catalog, sizes);
  return catalog;
}

const Transport* find(const std::vector<Transport>& transports, std::string_view name) {
  const auto found = std::find_if(transports.begin(), transports.end(),
                                  [&](const Transport& each) { return each.name == name; });
  return found == transports.end() ? nullptr : &*found;
}

}  // namespace compare
