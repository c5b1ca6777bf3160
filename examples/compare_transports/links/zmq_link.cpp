#include "links/zmq_link.hpp"

#include <zmq.h>

#include <cerrno>
#include <utility>

#include "failure.hpp"

namespace compare {
namespace {

Failure zmq_failure(const std::string& what) {
  return Failure{what + ": " + zmq_strerror(zmq_errno())};
}

struct CloseSocket {
  void operator()(void* socket) const { zmq_close(socket); }
};
struct EndContext {
  void operator()(void* context) const { zmq_ctx_term(context); }
};

// A socket with a context of its own.
class ZmqSocket {
 public:
  explicit ZmqSocket(int type) : context_(zmq_ctx_new()), socket_(zmq_socket(get_context(), type)) {
    if (!socket_) throw zmq_failure("zmq_socket");
    const int no_linger = 0;  // the run is over when it is closed
    zmq_setsockopt(socket_.get(), ZMQ_LINGER, &no_linger, sizeof no_linger);
  }
  void* get() const { return socket_.get(); }

 private:
  void* get_context() const { return context_.get(); }

  std::unique_ptr<void, EndContext> context_;
  std::unique_ptr<void, CloseSocket> socket_;
};

template <typename Call>
void insist(const std::string& what, Call call) {
  while (call() < 0) {
    if (zmq_errno() != EINTR) throw zmq_failure(what);
  }
}

class ZmqSink : public Sink {
 public:
  explicit ZmqSink(const std::string& address) : socket_(ZMQ_PUSH) {
    insist("zmq_connect", [&] { return zmq_connect(socket_.get(), address.c_str()); });
  }
  void send(fifomq::ByteView payload) override {
    insist("zmq_send", [&] { return zmq_send(socket_.get(), payload.data(), payload.size(), 0); });
  }

 private:
  ZmqSocket socket_;
};

// Receives in place: copying into a buffer of ours with zmq_recv would only cost it time.
class ZmqSource : public Source {
 public:
  ZmqSource(const std::string& address, std::size_t payload_bytes)
      : socket_(ZMQ_PULL), payload_bytes_(payload_bytes) {
    zmq_msg_init(&message_);
    if (zmq_bind(socket_.get(), address.c_str()) != 0) throw zmq_failure("zmq_bind " + address);
  }
  ZmqSource(const ZmqSource&) = delete;
  ZmqSource(ZmqSource&&) = delete;
  ZmqSource& operator=(const ZmqSource&) = delete;
  ZmqSource& operator=(ZmqSource&&) = delete;
  ~ZmqSource() override { zmq_msg_close(&message_); }

  fifomq::ByteView receive() override {
    insist("zmq_msg_recv", [&] { return zmq_msg_recv(&message_, socket_.get(), 0); });
    const fifomq::ByteView all(static_cast<const std::byte*>(zmq_msg_data(&message_)),
                               zmq_msg_size(&message_));
    return all.size() < payload_bytes_ ? all : all.last(payload_bytes_);
  }

 private:
  ZmqSocket socket_;
  std::size_t payload_bytes_;
  zmq_msg_t message_{};
};

class ZmqLink : public Link {
 public:
  ZmqLink(std::string address, std::size_t message_bytes)
      : address_(std::move(address)), message_bytes_(message_bytes) {}

  std::unique_ptr<Source> open_source() override {
    return open_zmq_source(address_, message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override { return std::make_unique<ZmqSink>(address_); }

 private:
  std::string address_;
  std::size_t message_bytes_;
};

}  // namespace

std::unique_ptr<Link> make_zmq_link(const Place& place, std::string address) {
  return std::make_unique<ZmqLink>(std::move(address), place.message_bytes);
}

std::unique_ptr<Source> open_zmq_source(const std::string& address, std::size_t payload_bytes) {
  return std::make_unique<ZmqSource>(address, payload_bytes);
}

}  // namespace compare
