// nanomsg: PUSH and PULL over its ipc.
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>

#include <cerrno>
#include <string>
#include <utility>

#include "failure.hpp"
#include "links/queue_links.hpp"

namespace compare {
namespace {

template <typename Call>
int insist(const std::string& what, Call call) {
  while (true) {
    const int result = call();
    if (result >= 0) return result;
    if (nn_errno() != EINTR) throw Failure(what + ": " + nn_strerror(nn_errno()));
  }
}

class NanomsgSocket {
 public:
  explicit NanomsgSocket(int protocol)
      : socket_(insist("nn_socket", [&] { return nn_socket(AF_SP, protocol); })) {}
  NanomsgSocket(const NanomsgSocket&) = delete;
  NanomsgSocket(NanomsgSocket&&) = delete;
  NanomsgSocket& operator=(const NanomsgSocket&) = delete;
  NanomsgSocket& operator=(NanomsgSocket&&) = delete;
  ~NanomsgSocket() { nn_close(socket_); }
  int get() const { return socket_; }

 private:
  int socket_;
};

class NanomsgSink : public Sink {
 public:
  explicit NanomsgSink(const std::string& address) : socket_(NN_PUSH) {
    insist("nn_connect", [&] { return nn_connect(socket_.get(), address.c_str()); });
  }
  void send(fifomq::ByteView payload) override {
    insist("nn_send", [&] { return nn_send(socket_.get(), payload.data(), payload.size(), 0); });
  }

 private:
  NanomsgSocket socket_;
};

struct FreeMessage {
  void operator()(void* message) const { nn_freemsg(message); }
};

class NanomsgSource : public Source {
 public:
  explicit NanomsgSource(const std::string& address) : socket_(NN_PULL) {
    const int unlimited = -1;
    insist("nn_setsockopt", [&] {
      return nn_setsockopt(socket_.get(), NN_SOL_SOCKET, NN_RCVMAXSIZE, &unlimited,
                           sizeof unlimited);
    });
    insist("nn_bind", [&] { return nn_bind(socket_.get(), address.c_str()); });
  }
  fifomq::ByteView receive() override {
    void* message = nullptr;
    const int size = insist("nn_recv", [&] { return nn_recv(socket_.get(), &message, NN_MSG, 0); });
    message_.reset(message);
    return {static_cast<const std::byte*>(message), static_cast<std::size_t>(size)};
  }

 private:
  NanomsgSocket socket_;
  std::unique_ptr<void, FreeMessage> message_;
};

class NanomsgLink : public Link {
 public:
  explicit NanomsgLink(std::string address) : address_(std::move(address)) {}
  std::unique_ptr<Source> open_source() override {
    return std::make_unique<NanomsgSource>(address_);
  }
  std::unique_ptr<Sink> open_sink() override { return std::make_unique<NanomsgSink>(address_); }

 private:
  std::string address_;
};

}  // namespace

std::unique_ptr<Link> make_nanomsg_link(const Place& place) {
  return std::make_unique<NanomsgLink>("ipc://" + place.stem.string() + ".nanomsg");
}

}  // namespace compare
