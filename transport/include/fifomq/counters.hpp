// The ledger of one channel end. At every moment between two calls
//   messages_received = messages_delivered + dropped() + messages_pending
//   bytes_in = bytes_in_messages + bytes_skipped + bytes_pending   (receivers on a byte stream)
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace fifomq {

// All count from the opening of the channel end, and only ever grow, but for those that say "now"
// or "pending".
struct Counters {
  // For a receiver: messages of which at least the beginning has arrived. For a sender: messages
  // taken over from the caller, that is, for which send() said `sent` or `dropped`.
  std::uint64_t messages_received = 0;
  std::uint64_t messages_delivered = 0;  // handed to the caller; for a sender, out of the process
  std::uint64_t messages_pending = 0;    // half assembled or not handed on yet

  // Why messages were dropped.

  std::uint64_t too_large = 0;     // over max_message
  std::uint64_t cancelled = 0;     // its sender gave it up half way and said so
  std::uint64_t given_up = 0;      // its rest never came, or came out of order
  std::uint64_t over_memory = 0;   // reassembly_memory was used up
  std::uint64_t undecodable = 0;   // a message that is no frame, where a frame was expected
  std::uint64_t full = 0;          // on request (on_full=drop-...)
  std::uint64_t unsubscribed = 0;  // published while nobody subscribed to it

  // The byte stream.

  std::uint64_t bytes_in = 0;           // read, framing included
  std::uint64_t bytes_in_messages = 0;  // in the frames of messages that were handed out
  std::uint64_t bytes_skipped = 0;      // damage, garbage, and frames of dropped messages
  std::uint64_t bytes_pending = 0;      // read, not yet known to be either
  std::uint64_t bytes_out = 0;          // a sender's, written out of this process
  std::uint64_t backlog_bytes = 0;      // wait to be read now, where the transport can tell
  std::uint64_t frames_damaged = 0;     // frames that had begun and turned out broken

  std::uint64_t sequence_gaps =
      0;  // messages missing in a writer's numbering; see Capabilities::sequenced
  std::uint64_t abandoned =
      0;  // fragmented messages that a sender began, could not finish, and cancelled

  // Messages that did not fit into the pipe, and were taken out of it before they were whole: a
  // crash in between would have lost them in spite of explicit_commit. They were handed out.
  std::uint64_t uncommittable = 0;
  std::uint64_t reopened = 0;  // the path led to something new, which is read from then on

  std::uint64_t peers = 0;       // now, where the transport can tell
  std::uint64_t peers_lost = 0;  // since the start
  // Connections that ended before they were peers: a key that is not allowed, another protocol,
  // nothing said in time.
  std::uint64_t peers_refused = 0;

  // All that were dropped, whatever the reason.
  std::uint64_t dropped() const {
    return too_large + cancelled + given_up + over_memory + undecodable + full + unsubscribed;
  }
  // Whether both equations hold, as they do between any two calls.
  bool balanced() const {
    return messages_received == messages_delivered + dropped() + messages_pending &&
           bytes_in == bytes_in_messages + bytes_skipped + bytes_pending;
  }
};

// Every counter with its name, in the order of the ledger: for logs and metrics.
inline constexpr auto kCounterNames =
    std::to_array<std::pair<std::string_view, std::uint64_t Counters::*>>({
        {"messages_received", &Counters::messages_received},
        {"messages_delivered", &Counters::messages_delivered},
        {"messages_pending", &Counters::messages_pending},
        {"too_large", &Counters::too_large},
        {"cancelled", &Counters::cancelled},
        {"given_up", &Counters::given_up},
        {"over_memory", &Counters::over_memory},
        {"undecodable", &Counters::undecodable},
        {"full", &Counters::full},
        {"unsubscribed", &Counters::unsubscribed},
        {"bytes_in", &Counters::bytes_in},
        {"bytes_in_messages", &Counters::bytes_in_messages},
        {"bytes_skipped", &Counters::bytes_skipped},
        {"bytes_pending", &Counters::bytes_pending},
        {"bytes_out", &Counters::bytes_out},
        {"backlog_bytes", &Counters::backlog_bytes},
        {"frames_damaged", &Counters::frames_damaged},
        {"sequence_gaps", &Counters::sequence_gaps},
        {"abandoned", &Counters::abandoned},
        {"uncommittable", &Counters::uncommittable},
        {"reopened", &Counters::reopened},
        {"peers", &Counters::peers},
        {"peers_lost", &Counters::peers_lost},
        {"peers_refused", &Counters::peers_refused},
    });

// Two ledgers as one: what balances apart balances together.
inline Counters& operator+=(Counters& sum, const Counters& more) {
  for (const auto& [name, member] : kCounterNames) sum.*member += more.*member;
  return sum;
}

}  // namespace fifomq
