// Who may come in: answers libzmq's question about each client of a CURVE server (ZAP, ZeroMQ
// RFC 27), in a thread of its own, so that a client gets its answer whatever the channel's owner is
// doing.
#pragma once

#include <zmq.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/unique_fd.hpp"

namespace fifomq::zeromq {

class Gatekeeper;

// One server socket's part of it. Ends after the socket, and before the keeper.
class Gate {
 public:
  Gate(Gatekeeper& keeper, std::string clients_folder);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  Gate(Gate&&) = delete;
  Gate& operator=(Gate&&) = delete;
  ~Gate();

  // By which libzmq's questions are told apart (ZMQ_ZAP_DOMAIN).
  const std::string& domain() const { return domain_; }

  // Who was turned away since the last call, and why: for the owner's log.
  std::vector<std::string> take_notices();

  // From now on `look` is called in the gatekeeper's thread when `feed` is readable, until
  // stop_watching() has returned: an owner that has nothing to send looks at nothing.
  void watch(int feed, std::function<void()> look);
  void stop_watching();

  // In the gatekeeper's thread: whether the holder of that key may come in. The folder is read anew
  // each time, so that a key that is put there, or taken out, counts from the next client on.
  bool admits(std::string_view key, std::string_view address);

 private:
  friend class Gatekeeper;

  void note(std::string sentence);

  Gatekeeper& keeper_;
  const std::string folder_;
  const std::string domain_;
  std::mutex mutex_;
  std::vector<std::string> notices_;
  int feed_ = -1;  // this and the next one under the gatekeeper's mutex
  std::function<void()> look_;
};

// One for each context: there is but one address to ask at.
class Gatekeeper {
 public:
  // Throws Error when the address is taken, or no thread to be had: then nothing starts.
  Gatekeeper(zmq::context_t& context, const std::string& endpoint);
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;
  Gatekeeper(Gatekeeper&&) = delete;
  Gatekeeper& operator=(Gatekeeper&&) = delete;
  ~Gatekeeper();

 private:
  friend class Gate;

  void enter(Gate& gate);
  void leave(const Gate& gate);
  void run(const std::stop_token& stop);
  void wake() noexcept;
  std::vector<zmq::pollitem_t> waited();
  void look(const std::vector<zmq::pollitem_t>& ready);
  void answer();
  bool admits(const std::vector<zmq::message_t>& question);

  zmq::socket_t questions_;
  core::UniqueFd wake_;
  std::mutex mutex_;
  std::map<std::string, Gate*, std::less<>> gates_;  // by their domains
  std::jthread thread_;
};

}  // namespace fifomq::zeromq
