// Who a socket talks to: CURVE keys, and what may be done without them.
#pragma once

#include <zmq.hpp>

#include <string>

#include "certificate.hpp"
#include "core/option_reader.hpp"
#include "gatekeeper.hpp"

namespace fifomq::zeromq {

inline constexpr OptionInfo kCurveKey{"curve_key", "FILE", "",
                                      "this end's secret key, as fifomq keygen makes it"};
inline constexpr OptionInfo kCurveClients{
    "curve_clients", "DIR", "", "let in those whose public keys (*.key) are here, and nobody else"};
inline constexpr OptionInfo kCurveServer{"curve_server", "FILE", "",
                                         "the public key that the other end has to prove"};
inline constexpr OptionInfo kPlaintext{"plaintext", "yes|no", "no",
                                       "bind where other machines can reach it, without keys"};

// Paths. Keys are read when a socket is opened, and kept by libzmq alone.
struct SecurityOptions {
  std::string key;
  std::string clients;  // CURVE's server, which asks for the clients' keys
  std::string server;   // CURVE's client
  bool plaintext = false;

  bool has_keys() const { return !key.empty(); }
  bool serves() const { return !clients.empty(); }
};

// Throws Error for what does not go together.
SecurityOptions security_options(const core::OptionReader& reader);

// Binding where others can reach it needs keys, or the word. Throws Error (permission_denied).
void check_exposure(const std::string& address, bool binds, const SecurityOptions& security,
                    const std::string& endpoint);

struct Keys {
  Certificate own{};
  std::string server{};  // public; of the end that a client wants to be let in by
};

// None where none are asked for. Those of the clients are looked at alone. Throws Error for what is
// wrong.
Keys read_keys(const SecurityOptions& security, const std::string& endpoint);

// Before it is bound or connected. `gate` is that of a server. Throws zmq::error_t.
void apply_keys(zmq::socket_t& socket, const Keys& keys, const Gate* gate);

}  // namespace fifomq::zeromq
