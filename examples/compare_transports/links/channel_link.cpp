#include "links/channel_link.hpp"

#include <algorithm>
#include <utility>

#include <fifomq/builtin.hpp>

#include "failure.hpp"

namespace compare {
namespace {

using fifomq::Deadline;

// What one process opens. Made on first use, so that each process has one of its own, which its two
// ends share where both are in it.
fifomq::Registry& registry() {
  static fifomq::Registry the_registry = fifomq::builtin_transports();
  return the_registry;
}

class ChannelSink : public Sink {
 public:
  explicit ChannelSink(std::unique_ptr<fifomq::Sender> sender) : sender_(std::move(sender)) {}

  void send(fifomq::ByteView payload) override {
    const auto result = sender_->send({.payload = payload}, Deadline::never());
    if (result != fifomq::SendResult::sent) fail("send", result);
  }
  void flush() override {
    const auto result = sender_->flush(Deadline::never());
    if (result != fifomq::SendResult::sent) fail("flush", result);
  }

 private:
  [[noreturn]] static void fail(const std::string& call, fifomq::SendResult result) {
    throw Failure(call + "() says " + to_string(result));
  }

  std::unique_ptr<fifomq::Sender> sender_;
};

class ChannelSource : public Source {
 public:
  explicit ChannelSource(std::unique_ptr<fifomq::Receiver> receiver)
      : receiver_(std::move(receiver)) {}

  fifomq::ByteView receive() override {
    const auto result = receiver_->receive(message_, Deadline::never());
    if (result != fifomq::ReceiveResult::received) {
      throw Failure(std::string("receive() says ") + to_string(result));
    }
    return message_.payload;
  }

 private:
  std::unique_ptr<fifomq::Receiver> receiver_;
  fifomq::MessageView message_;
};

class ChannelLink : public Link {
 public:
  explicit ChannelLink(Endpoints endpoints) : endpoints_(std::move(endpoints)) {}

  std::unique_ptr<Source> open_source() override {
    return open_channel_source(endpoints_.receiver);
  }
  std::unique_ptr<Sink> open_sink() override { return open_channel_sink(endpoints_.sender); }

 private:
  Endpoints endpoints_;
};

}  // namespace

std::unique_ptr<Link> make_channel_link(Endpoints endpoints) {
  return std::make_unique<ChannelLink>(std::move(endpoints));
}

std::unique_ptr<Source> open_channel_source(const std::string& endpoint) {
  return std::make_unique<ChannelSource>(registry().open_receiver(endpoint));
}

std::unique_ptr<Sink> open_channel_sink(const std::string& endpoint) {
  return std::make_unique<ChannelSink>(registry().open_sender(endpoint));
}

}  // namespace compare
