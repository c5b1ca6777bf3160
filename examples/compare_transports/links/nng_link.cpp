// nng: PUSH and PULL over its ipc.
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include <string>
#include <utility>

#include "failure.hpp"
#include "links/queue_links.hpp"

namespace compare {
namespace {

void insist(const std::string& what, int error) {
  if (error != 0) throw Failure(what + ": " + nng_strerror(error));
}

class NngSocket {
 public:
  explicit NngSocket(int (*open)(nng_socket*)) { insist("nng: open a socket", open(&socket_)); }
  NngSocket(const NngSocket&) = delete;
  NngSocket(NngSocket&&) = delete;
  NngSocket& operator=(const NngSocket&) = delete;
  NngSocket& operator=(NngSocket&&) = delete;
  ~NngSocket() { nng_close(socket_); }
  nng_socket get() const { return socket_; }

 private:
  nng_socket socket_{};
};

class NngSink : public Sink {
 public:
  explicit NngSink(const std::string& address) : socket_(nng_push0_open) {
    insist("nng_dial", nng_dial(socket_.get(), address.c_str(), nullptr, 0));
  }
  void send(fifomq::ByteView payload) override {
    // The buffer is only read.
    insist("nng_send",
           nng_send(socket_.get(), const_cast<std::byte*>(payload.data()), payload.size(), 0));
  }

 private:
  NngSocket socket_;
};

struct FreeMessage {
  void operator()(nng_msg* message) const { nng_msg_free(message); }
};

class NngSource : public Source {
 public:
  explicit NngSource(const std::string& address) : socket_(nng_pull0_open) {
    insist("nng_socket_set", nng_socket_set_size(socket_.get(), NNG_OPT_RECVMAXSZ, 0));
    insist("nng_listen", nng_listen(socket_.get(), address.c_str(), nullptr, 0));
  }
  fifomq::ByteView receive() override {
    nng_msg* message = nullptr;
    insist("nng_recvmsg", nng_recvmsg(socket_.get(), &message, 0));
    message_.reset(message);
    return {static_cast<const std::byte*>(nng_msg_body(message)), nng_msg_len(message)};
  }

 private:
  NngSocket socket_;
  std::unique_ptr<nng_msg, FreeMessage> message_;
};

class NngLink : public Link {
 public:
  explicit NngLink(std::string address) : address_(std::move(address)) {}
  std::unique_ptr<Source> open_source() override { return std::make_unique<NngSource>(address_); }
  std::unique_ptr<Sink> open_sink() override { return std::make_unique<NngSink>(address_); }

 private:
  std::string address_;
};

}  // namespace

std::unique_ptr<Link> make_nng_link(const Place& place) {
  return std::make_unique<NngLink>("ipc://" + place.stem.string() + ".nng");
}

}  // namespace compare
