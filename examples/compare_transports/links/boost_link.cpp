// Boost.Interprocess: a message queue in shared memory.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "links/queue_links.hpp"

namespace compare {
namespace {

using boost::interprocess::message_queue;

constexpr std::size_t kQueueBytes = std::size_t{1} << 20;
constexpr std::size_t kFewestMessages = 8;
constexpr std::size_t kMostMessages = 1000;  // as libzmq's high-water mark

std::size_t messages_in_queue(std::size_t message_bytes) {
  return std::clamp(kQueueBytes / message_bytes, kFewestMessages, kMostMessages);
}

class BoostSink : public Sink {
 public:
  explicit BoostSink(message_queue& queue) : queue_(queue) {}
  void send(fifomq::ByteView payload) override { queue_.send(payload.data(), payload.size(), 0); }

 private:
  message_queue& queue_;
};

class BoostSource : public Source {
 public:
  BoostSource(message_queue& queue, std::size_t message_bytes)
      : queue_(queue), buffer_(message_bytes) {}
  fifomq::ByteView receive() override {
    message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_.receive(buffer_.data(), buffer_.size(), size, priority);
    return fifomq::ByteView(buffer_).first(size);
  }

 private:
  message_queue& queue_;
  std::vector<std::byte> buffer_;
};

// The processes inherit the mapping; the name is gone before they start, so nothing is left behind.
class BoostLink : public Link {
 public:
  explicit BoostLink(const Place& place)
      : name_("compare_transports_" + std::to_string(::getpid()) + "_" +
              place.stem.filename().string()),
        message_bytes_(place.message_bytes),
        queue_(boost::interprocess::create_only, name_.c_str(), messages_in_queue(message_bytes_),
               message_bytes_) {
    message_queue::remove(name_.c_str());
  }
  std::unique_ptr<Source> open_source() override {
    return std::make_unique<BoostSource>(queue_, message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override { return std::make_unique<BoostSink>(queue_); }

 private:
  std::string name_;
  std::size_t message_bytes_;
  message_queue queue_;
};

}  // namespace

std::unique_ptr<Link> make_boost_link(const Place& place) {
  return std::make_unique<BoostLink>(place);
}

}  // namespace compare
