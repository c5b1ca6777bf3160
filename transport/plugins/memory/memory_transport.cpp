// `memory:NAME`: a queue inside one process. The reference for the contract, and a test double.
#include <array>
#include <map>
#include <mutex>
#include <string>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

#include "core/frame.hpp"
#include "core/framing.hpp"
#include "core/identity.hpp"
#include "core/option_reader.hpp"
#include "core/send_errors.hpp"
#include "core/writer_ledger.hpp"
#include "memory_queue.hpp"

namespace fifomq {
namespace memory {
namespace {

constexpr std::uint64_t kCapacityBytes = std::uint64_t{1} << 20;

constexpr auto kOptions = std::to_array<OptionInfo>({
    {"capacity", "SIZE", "1MiB", "payload bytes the queue holds; the first end to open decides"},
    {"eof", "stay|exit", "stay", "when the last sender leaves: wait for the next, or end"},
    core::kMaxMessageOption,
});

constexpr Capabilities kSenderCapabilities{.carries_origin = true,
                                           .sequenced = true,
                                           .back_pressure = true,
                                           .sees_peer = true,
                                           .waits_for_peer = true};
constexpr Capabilities kReceiverCapabilities{
    .carries_origin = true, .sequenced = true, .back_pressure = true, .waits_for_peer = true};

// What an endpoint says.
struct Options {
  std::uint64_t capacity_bytes;
  std::uint64_t max_message;
  bool end_with_senders;
};

class MemorySender final : public Sender {
 public:
  MemorySender(Endpoint endpoint, std::shared_ptr<Queue> queue, std::uint64_t max_message)
      : endpoint_(std::move(endpoint)),
        max_message_(max_message),
        readiness_(endpoint_.text()),
        queue_(std::move(queue)) {
    queue_->add_sender(readiness_);
  }
  MemorySender(const MemorySender&) = delete;
  MemorySender& operator=(const MemorySender&) = delete;
  MemorySender(MemorySender&&) = delete;
  MemorySender& operator=(MemorySender&&) = delete;
  ~MemorySender() override { queue_->remove_sender(readiness_); }

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return kSenderCapabilities; }
  int poll_fd() override { return readiness_.fd(); }
  Counters counters() const override { return counters_; }
  void close() noexcept override { readiness_.close(); }

  SendResult send(const MessageView& message, Deadline deadline) override {
    core::check_size(message, max_message_, endpoint_);
    if (const char* why = core::refusal(message)) throw core::not_representable(why, endpoint_);
    MessageView stamped = message;
    if (!message.origin) stamped.origin = stamp_.peek();
    const SendResult result = push(stamped, deadline);
    if (result == SendResult::sent) {
      if (!message.origin) stamp_.next();
      ++counters_.messages_received;
      ++counters_.messages_delivered;
    }
    return result;
  }

  SendResult flush(Deadline) override {
    return readiness_.closed() ? SendResult::closed : SendResult::sent;
  }
  std::uint64_t settled() const override { return counters_.messages_delivered; }

 private:
  SendResult push(const MessageView& message, Deadline deadline) {
    while (!readiness_.closed()) {
      const Queue::Push pushed = queue_->push(message, readiness_);
      if (pushed == Queue::Push::done) return SendResult::sent;
      if (readiness_.wait(deadline)) continue;
      return pushed == Queue::Push::full ? SendResult::timed_out : SendResult::no_peer;
    }
    return SendResult::closed;
  }

  const Endpoint endpoint_;
  const std::uint64_t max_message_;
  core::Readiness readiness_;
  std::shared_ptr<Queue> queue_;
  core::OriginStamp stamp_;
  Counters counters_;
};

class MemoryReceiver final : public Receiver {
 public:
  MemoryReceiver(Endpoint endpoint, std::shared_ptr<Queue> queue, const Options& options,
                 std::optional<std::uint64_t> take_at_most)
      : endpoint_(std::move(endpoint)),
        readiness_(endpoint_.text()),
        queue_(std::move(queue)),
        max_message_(options.max_message),
        end_with_senders_(options.end_with_senders),
        left_(take_at_most) {
    if (queue_->set_receiver(readiness_)) return;
    throw Error(Errc::in_use, endpoint_.text(), "this queue has a receiver, and it takes one");
  }
  MemoryReceiver(const MemoryReceiver&) = delete;
  MemoryReceiver& operator=(const MemoryReceiver&) = delete;
  MemoryReceiver(MemoryReceiver&&) = delete;
  MemoryReceiver& operator=(MemoryReceiver&&) = delete;
  ~MemoryReceiver() override { queue_->clear_receiver(); }

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return kReceiverCapabilities; }
  int poll_fd() override { return readiness_.fd(); }
  void close() noexcept override { readiness_.close(); }

  Counters counters() const override {
    Counters all = counters_;
    all.messages_pending = queue_->size();
    all.messages_received = all.messages_delivered + all.dropped() + all.messages_pending;
    return all;
  }

  ReceiveResult receive(MessageView& message, Deadline deadline) override {
    while (!readiness_.closed()) {
      if (left_ == 0) return end();
      const Queue::Pop popped = queue_->pop(current_, readiness_);
      if (popped == Queue::Pop::done) {
        if (!deliver(message)) continue;
        return ReceiveResult::received;
      }
      if (popped == Queue::Pop::no_sender && end_with_senders_) return end();
      if (!readiness_.wait(deadline)) return ReceiveResult::timed_out;
    }
    return ReceiveResult::closed;
  }

  void commit(std::uint64_t) override {}

  void stop_taking() override {
    left_ = 0;
    readiness_.signal();
  }

 private:
  ReceiveResult end() {
    readiness_.signal();
    return ReceiveResult::end_of_stream;
  }

  bool deliver(MessageView& message) {
    if (current_.payload.size() > max_message_) {
      ++counters_.too_large;
      return false;
    }
    if (left_) --*left_;
    ++counters_.messages_delivered;
    counters_.sequence_gaps += writers_.missing_before(*current_.origin);
    message = current_.view();
    return true;
  }

  const Endpoint endpoint_;
  core::Readiness readiness_;
  std::shared_ptr<Queue> queue_;
  const std::uint64_t max_message_;
  const bool end_with_senders_;
  std::optional<std::uint64_t> left_;
  Message current_;
  core::WriterLedger writers_;
  Counters counters_;
};

Options parse_options(const Endpoint& endpoint) {
  const core::OptionReader reader(endpoint, kOptions);
  if (endpoint.address().empty()) {
    throw Error(Errc::invalid_endpoint, endpoint.text(), "a name must follow, as in memory:jobs");
  }
  return {.capacity_bytes = reader.size_bytes("capacity", kCapacityBytes),
          .max_message = core::limit_options(reader).max_message,
          .end_with_senders = reader.choice<bool>("eof", false, {{"stay", false}, {"exit", true}})};
}

class MemoryTransport final : public Transport {
 public:
  MemoryTransport()
      : schemes_{
            SchemeInfo{.name = "memory",
                       .form = "memory:NAME",
                       .summary = "queue inside this process; any number of senders, one receiver",
                       .sender = kSenderCapabilities,
                       .receiver = kReceiverCapabilities,
                       .options = kOptions}} {}

  std::span<const SchemeInfo> schemes() const override { return schemes_; }
  void check(const Endpoint& endpoint, Direction) const override { parse_options(endpoint); }

  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions&) override {
    const Options options = parse_options(endpoint);
    return std::make_unique<MemorySender>(endpoint, queue(endpoint.address(), options),
                                          options.max_message);
  }

  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& open) override {
    const Options options = parse_options(endpoint);
    return std::make_unique<MemoryReceiver>(endpoint, queue(endpoint.address(), options), options,
                                            open.take_at_most);
  }

 private:
  // A queue lives as long as one of its ends.
  std::shared_ptr<Queue> queue(const std::string& name, const Options& options) {
    const std::lock_guard lock(mutex_);
    std::erase_if(queues_, [](const auto& entry) { return entry.second.expired(); });
    std::shared_ptr<Queue> queue = queues_[name].lock();
    if (!queue) {
      queue = std::make_shared<Queue>(options.capacity_bytes);
      queues_[name] = queue;
    }
    return queue;
  }

  const std::array<SchemeInfo, 1> schemes_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Queue>> queues_;
};

}  // namespace
}  // namespace memory

namespace plugins {

std::unique_ptr<Transport> make_memory_transport() {
  return std::make_unique<memory::MemoryTransport>();
}

}  // namespace plugins
}  // namespace fifomq
