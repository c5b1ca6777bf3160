// Which transports and rivals this build can compare, and which not, and why.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "links/link.hpp"

namespace compare {

struct LeftOut {
  std::string name;
  std::string reason;
};

struct Catalog {
  std::vector<Transport> rows;         // in the order of the table
  std::vector<Transport> round_trips;  // measured for round trips alone
  std::vector<Transport> bridges;
  std::vector<LeftOut> left_out;
};

namespace rows {
inline constexpr std::string_view kFifo = "fifo";
inline constexpr std::string_view kFifoBusyPoll = "fifo busy_poll";
inline constexpr std::string_view kFifoReused = "fifo pages=reused";
inline constexpr std::string_view kZmqIpc = "zmq ipc";
inline constexpr std::string_view kZmqTcp = "zmq tcp";
inline constexpr std::string_view kMemory = "memory";
inline constexpr std::string_view kRawPipe = "raw pipe";
inline constexpr std::string_view kRawPipe4KiB = "raw pipe 4 KiB";
inline constexpr std::string_view kRawPipe1B = "raw pipe 1 B";
inline constexpr std::string_view kRawPipeSpinning = "raw pipe spinning";
inline constexpr std::string_view kLibzmqIpc = "libzmq ipc";
inline constexpr std::string_view kLibzmqTcp = "libzmq tcp";
inline constexpr std::string_view kNngIpc = "nng ipc";
inline constexpr std::string_view kNanomsgIpc = "nanomsg ipc";
inline constexpr std::string_view kSeqpacket = "unix seqpacket";
inline constexpr std::string_view kPosixMq = "posix mq";
inline constexpr std::string_view kBoost = "boost message_queue";
inline constexpr std::string_view kBridge = "fifo > bridge > libzmq pull";
inline constexpr std::string_view kBridgeBatch = "fifo > bridge batch=64KiB > zmq pull";
inline constexpr std::string_view kBridgeReliable = "fifo > bridge > zmq+reliable";
inline constexpr std::string_view kBridgeSpool = "fifo > bridge --spool > zmq+reliable";
}  // namespace rows

// `largest_message_bytes` of those that cannot carry all of these sizes is set to what they can.
Catalog make_catalog(const std::vector<std::size_t>& sizes);

// Null when it is not there.
const Transport* find(const std::vector<Transport>& transports, std::string_view name);

}  // namespace compare
