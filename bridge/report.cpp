#include "report.hpp"

#include <string>

namespace fifomq {
namespace {

std::string ledger(const Counters& counters) {
  std::string text;
  for (const auto& [name, member] : kCounterNames) {
    const std::uint64_t value = counters.*member;
    if (value != 0) text += " " + std::string(name) + "=" + std::to_string(value);
  }
  return text.empty() ? " nothing" : text;
}

bool amiss(const Counters& counters) {
  return counters.dropped() + counters.bytes_skipped + counters.frames_damaged +
             counters.sequence_gaps + counters.abandoned >
         0;
}

}  // namespace

void report(const Relay& relay, const Receiver& from, const Sender& to, bool always,
            const LogSink& log) {
  const Counters in = from.counters();
  const Counters out = to.counters();
  // What the sender had accepted and could not get rid of was not relayed after all.
  const std::uint64_t unsent = relay.unsent() + out.messages_pending;
  const bool wrong = amiss(in) || amiss(out) || relay.hop_limit() + relay.refused() + unsent > 0;
  if (!always && !wrong) return;
  const LogLevel level = wrong ? LogLevel::warning : LogLevel::info;
  log(level, "from " + from.endpoint().text() + ":" + ledger(in));
  log(level, "to " + to.endpoint().text() + ":" + ledger(out));
  log(level, "relayed=" + std::to_string(relay.relayed() - out.messages_pending) + " hop_limit=" +
                 std::to_string(relay.hop_limit()) + " refused=" + std::to_string(relay.refused()) +
                 " unsent=" + std::to_string(unsent));
}

}  // namespace fifomq
