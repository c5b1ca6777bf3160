// What the subscribers of a publisher asked for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <fifomq/message.hpp>

namespace fifomq::zeromq {

class Subscriptions {
 public:
  // What XPUB receives: 1 (subscribe) or 0 (unsubscribe), then the topic's beginning.
  void take(ByteView message) {
    if (message.empty()) return;
    const std::string_view prefix = as_text(message.subspan(1));
    if (message.front() == std::byte{1}) {
      ++prefixes_[std::string(prefix)];
      ++count_;
    } else if (const auto known = prefixes_.find(prefix);
               message.front() == std::byte{0} && known != prefixes_.end()) {
      if (--known->second == 0) prefixes_.erase(known);
      --count_;
    }
  }

  std::uint64_t count() const { return count_; }

  bool match(std::string_view topic) const {
    if (prefixes_.size() <= topic.size()) {
      for (const auto& [prefix, subscribers] : prefixes_) {
        if (topic.starts_with(prefix)) return true;
      }
      return false;
    }
    for (std::size_t size = 0; size <= topic.size(); ++size) {
      if (prefixes_.contains(topic.substr(0, size))) return true;
    }
    return false;
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> prefixes_;
  std::uint64_t count_ = 0;
};

}  // namespace fifomq::zeromq
