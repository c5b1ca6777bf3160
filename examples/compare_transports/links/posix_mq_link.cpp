// POSIX message queues (mq_overview(7)).
#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "descriptor.hpp"
#include "failure.hpp"
#include "links/queue_links.hpp"

namespace compare {
namespace {

constexpr long kMessages = 10;  // the system's default for the longest queue

// A queue counts against RLIMIT_MSGQUEUE, which a privileged user may raise.
void raise_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_MSGQUEUE, &limit);
  const rlimit unlimited{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MSGQUEUE, &unlimited) == 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_MSGQUEUE, &limit);
}

// Without a name from the start: nothing is left behind, whatever happens. On Linux a queue's
// handle is a file descriptor.
Descriptor open_queue(std::size_t message_bytes) {
  static std::atomic<unsigned> queues = 0;
  const std::string name =
      "/compare_transports_" + std::to_string(::getpid()) + "_" + std::to_string(++queues);
  mq_attr attributes{};
  attributes.mq_maxmsg = kMessages;
  attributes.mq_msgsize = static_cast<long>(message_bytes);
  raise_limit();
  Descriptor queue(
      ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes));
  if (queue) ::mq_unlink(name.c_str());
  return queue;
}

class PosixSink : public Sink {
 public:
  explicit PosixSink(int queue) : queue_(queue) {}
  void send(fifomq::ByteView payload) override {
    const auto* bytes = reinterpret_cast<const char*>(payload.data());
    if (uninterrupted([&] { return ::mq_send(queue_, bytes, payload.size(), 0); }) != 0) {
      throw system_failure("mq_send");
    }
  }

 private:
  int queue_;
};

class PosixSource : public Source {
 public:
  PosixSource(int queue, std::size_t message_bytes) : queue_(queue), buffer_(message_bytes) {}
  fifomq::ByteView receive() override {
    auto* bytes = reinterpret_cast<char*>(buffer_.data());
    const auto size =
        uninterrupted([&] { return ::mq_receive(queue_, bytes, buffer_.size(), nullptr); });
    if (size < 0) throw system_failure("mq_receive");
    return fifomq::ByteView(buffer_).first(static_cast<std::size_t>(size));
  }

 private:
  int queue_;
  std::vector<std::byte> buffer_;
};

class PosixLink : public Link {
 public:
  explicit PosixLink(std::size_t message_bytes)
      : queue_(open_queue(message_bytes)), message_bytes_(message_bytes) {
    if (!queue_) throw system_failure("mq_open");
  }
  std::unique_ptr<Source> open_source() override {
    return std::make_unique<PosixSource>(queue_.get(), message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override { return std::make_unique<PosixSink>(queue_.get()); }

 private:
  Descriptor queue_;
  std::size_t message_bytes_;
};

}  // namespace

std::unique_ptr<Link> make_posix_mq_link(const Place& place) {
  return std::make_unique<PosixLink>(place.message_bytes);
}

bool posix_mq_carries(std::size_t message_bytes) {
  return static_cast<bool>(open_queue(message_bytes));
}

}  // namespace compare
