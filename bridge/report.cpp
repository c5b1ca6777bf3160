#include "report.hpp"

#include <string>
#include <utility>

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

// Why TO refused messages, and what became of them; nothing where it refused none.
std::string reasons(const RelaySnapshot& relay) {
  std::string text;
  for (const auto& [name, value] : {std::pair{"too_large", relay.too_large},
                                    std::pair{"not_representable", relay.not_representable},
                                    std::pair{"dead_letters", relay.dead_letters}}) {
    if (value != 0) text += " " + std::string(name) + "=" + std::to_string(value);
  }
  return text;
}

}  // namespace

void report(const ObservedRelay& relay, bool always, const LogSink& log) {
  const RelaySnapshot last = relay.take();
  // What the sender had accepted and could not get rid of was not relayed after all.
  const std::uint64_t unsent = last.unsent + last.to.messages_pending;
  const bool wrong =
      amiss(last.from) || amiss(last.to) || last.hop_limit + last.refused() + unsent > 0;
  if (!always && !wrong) return;
  const LogLevel level = wrong ? LogLevel::warning : LogLevel::info;
  log(level, "from " + relay.from.endpoint().text() + ":" + ledger(last.from));
  log(level, "to " + relay.to.endpoint().text() + ":" + ledger(last.to));
  log(level, "relayed=" + std::to_string(last.relayed - last.to.messages_pending) + " hop_limit=" +
                 std::to_string(last.hop_limit) + " refused=" + std::to_string(last.refused()) +
                 " unsent=" + std::to_string(unsent) + reasons(last));
}

}  // namespace fifomq
