// Unix domain sockets that keep message boundaries.
#include <sys/socket.h>

#include <array>
#include <utility>
#include <vector>

#include "descriptor.hpp"
#include "failure.hpp"
#include "links/queue_links.hpp"

namespace compare {
namespace {

struct Pair {
  Descriptor sending;
  Descriptor receiving;
};

Pair make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw system_failure("make a socket");
  }
  return {.sending = Descriptor(ends[0]), .receiving = Descriptor(ends[1])};
}

class SeqpacketSink : public Sink {
 public:
  explicit SeqpacketSink(Descriptor socket) : socket_(std::move(socket)) {}
  void send(fifomq::ByteView payload) override {
    const auto sent = uninterrupted(
        [&] { return ::send(socket_.get(), payload.data(), payload.size(), MSG_NOSIGNAL); });
    if (sent < 0) throw system_failure("send to the socket");
  }

 private:
  Descriptor socket_;
};

class SeqpacketSource : public Source {
 public:
  SeqpacketSource(Descriptor socket, std::size_t message_bytes)
      : socket_(std::move(socket)), buffer_(message_bytes) {}
  fifomq::ByteView receive() override {
    const auto size =
        uninterrupted([&] { return ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0); });
    if (size < 0) throw system_failure("receive from the socket");
    return fifomq::ByteView(buffer_).first(static_cast<std::size_t>(size));
  }

 private:
  Descriptor socket_;
  std::vector<std::byte> buffer_;
};

class SeqpacketLink : public Link {
 public:
  explicit SeqpacketLink(std::size_t message_bytes)
      : pair_(make_pair()), message_bytes_(message_bytes) {}
  std::unique_ptr<Source> open_source() override {
    return std::make_unique<SeqpacketSource>(std::move(pair_.receiving), message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override {
    return std::make_unique<SeqpacketSink>(std::move(pair_.sending));
  }

 private:
  Pair pair_;
  std::size_t message_bytes_;
};

}  // namespace

std::unique_ptr<Link> make_seqpacket_link(const Place& place) {
  return std::make_unique<SeqpacketLink>(place.message_bytes);
}

bool seqpacket_carries(std::size_t message_bytes) {
  const Pair pair = make_pair();
  const std::vector<std::byte> message(message_bytes);
  return ::send(pair.sending.get(), message.data(), message.size(), MSG_DONTWAIT) > 0;
}

}  // namespace compare
