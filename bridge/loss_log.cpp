#include "loss_log.hpp"

#include <algorithm>

namespace fifomq {
namespace {

std::string_view name_of(std::uint64_t Counters::*counter) {
  return std::ranges::find(kCounterNames, counter, [](const auto& each) { return each.second; })
      ->first;
}

// What has grown, by how much.
std::string growth(std::string_view name, std::uint64_t now, std::uint64_t before) {
  if (now == before) return "";
  return " " + std::string(name) + "=" + std::to_string(now - before);
}

}  // namespace

LossLog::Amiss LossLog::amiss() const {
  const RelaySnapshot now = relay_.take();
  Amiss result;
  for (std::size_t i = 0; i < kOfAnEnd.size(); ++i) {
    result.from.at(i) = now.from.*kOfAnEnd.at(i);
    result.to.at(i) = now.to.*kOfAnEnd.at(i);
  }
  result.relay = {now.hop_limit, now.refused()};
  result.dead_letters = now.dead_letters;
  return result;
}

void LossLog::tell() {
  const Amiss now = amiss();
  if (now == told_) return;
  std::string from;
  std::string to;
  for (std::size_t i = 0; i < kOfAnEnd.size(); ++i) {
    const std::string_view name = name_of(kOfAnEnd.at(i));
    from += growth(name, now.from.at(i), told_.from.at(i));
    to += growth(name, now.to.at(i), told_.to.at(i));
  }
  tell(relay_.from.endpoint().text(), from);
  tell(relay_.to.endpoint().text(), to);
  // Either all that the relay leaves out becomes a dead letter, or nothing.
  const std::string left_out = growth("hop_limit", now.relay[0], told_.relay[0]) +
                               growth("refused", now.relay[1], told_.relay[1]);
  if (now.dead_letters == 0) {
    tell("the relay", left_out);
  } else if (!left_out.empty()) {
    log_(LogLevel::warning, "gone to the dead letters:" + left_out);
  }
  told_ = now;
}

void LossLog::tell(const std::string& where, const std::string& what) {
  if (!what.empty()) log_(LogLevel::warning, "lost at " + where + ":" + what);
}

}  // namespace fifomq
