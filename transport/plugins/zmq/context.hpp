// What the channels of one process share: libzmq's context, with its threads, and who answers for
// it which clients may come in.
#pragma once

#include <zmq.hpp>

#include <memory>
#include <mutex>
#include <string>

#include "gatekeeper.hpp"

namespace fifomq::zeromq {

// Safe to use from several threads. Each socket holds it, so it ends with the last of them.
class Context {
 public:
  zmq::context_t& zmq() { return zmq_; }

  // Made on the first need, and kept: libzmq gives its address free only some time after it has
  // gone. Throws Error.
  Gatekeeper& gatekeeper(const std::string& endpoint) {
    const std::lock_guard lock(mutex_);
    if (!gatekeeper_) gatekeeper_ = std::make_unique<Gatekeeper>(zmq_, endpoint);
    return *gatekeeper_;
  }

 private:
  zmq::context_t zmq_;
  std::mutex mutex_;
  std::unique_ptr<Gatekeeper> gatekeeper_;
};

}  // namespace fifomq::zeromq
