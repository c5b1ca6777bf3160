#include "publish_window.hpp"

#include <algorithm>
#include <utility>

namespace fifomq::jetstream {

void PublishWindow::push(Publication one, std::uint64_t most_in_one) {
  bytes_ += one.bytes;
  messages_pushed_ += one.messages;
  const bool joins =
      pushed_ > settled_ && !at(pushed_).was_published && at(pushed_).what.append(one, most_in_one);
  if (joins) return;
  ++pushed_;
  entries_.push_back({.what = std::move(one)});
}

std::optional<PublishWindow::Next> PublishWindow::next() {
  next_ = std::max(next_, settled_ + 1);
  while (next_ <= pushed_ && at(next_).is_acknowledged) ++next_;
  if (!has_next()) return std::nullopt;
  const std::uint64_t number = next_++;
  at(number).was_published = true;
  return Next{.what = &at(number).what,
              .number = number,
              .after = number > settled_ + 1 ? &at(number - 1).what : nullptr};
}

bool PublishWindow::acknowledge(std::uint64_t number) {
  if (number <= settled_ || number > pushed_ || at(number).is_acknowledged) return false;
  at(number).is_acknowledged = true;
  bytes_ -= at(number).what.bytes;
  while (settled_ < pushed_ && at(settled_ + 1).is_acknowledged) {
    messages_settled_ += at(++settled_).what.messages;
  }
  probes_ = false;
  return true;
}

void PublishWindow::go_back(bool probes) {
  ++attempt_;
  next_ = settled_ + 1;
  probes_ = probes;
}

void PublishWindow::forget_settled() {
  for (; first_ <= settled_; ++first_) entries_.pop_front();
}

}  // namespace fifomq::jetstream
