#include "security.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string_view>

#include <fifomq/error.hpp>

#include "client_keys.hpp"

namespace fifomq::zeromq {
namespace {

// What is not surely this machine's own counts as open to others.
bool is_loopback(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string text(host);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return text == "localhost" || text == "lo";
}

bool is_local(std::string_view address) {
  constexpr std::string_view kTcp = "tcp://";
  if (address.starts_with("ipc://") || address.starts_with("inproc://")) return true;
  if (!address.starts_with(kTcp)) return false;
  const std::string_view host_and_port = address.substr(kTcp.size());
  return is_loopback(host_and_port.substr(0, host_and_port.rfind(':')));
}

}  // namespace

SecurityOptions security_options(const core::OptionReader& reader) {
  SecurityOptions security{.key = reader.text(kCurveKey.key).value_or(""),
                           .clients = reader.text(kCurveClients.key).value_or(""),
                           .server = reader.text(kCurveServer.key).value_or("")};
  security.plaintext = reader.choice<bool>(kPlaintext.key, false, {{"yes", true}, {"no", false}});
  const bool names_others = security.serves() || !security.server.empty();
  if (security.has_keys() && !names_others) {
    reader.refuse(
        kCurveKey.key, security.key,
        "curve_clients=DIR beside it, to let others in, or curve_server=FILE, to be let in");
  }
  if (!security.has_keys() && names_others) {
    reader.refuse(security.serves() ? kCurveClients.key : kCurveServer.key,
                  security.serves() ? security.clients : security.server,
                  "curve_key=FILE beside it, this end's own key; fifomq keygen makes one");
  }
  if (security.serves() && !security.server.empty()) {
    reader.refuse(kCurveServer.key, security.server, "no curve_clients beside it: one end asks");
  }
  if (security.has_keys() && security.plaintext) {
    reader.refuse(kPlaintext.key, "yes", "no curve_key beside it");
  }
  return security;
}

void check_exposure(const std::string& address, bool binds, const SecurityOptions& security,
                    const std::string& endpoint) {
  if (!binds || security.has_keys() || security.plaintext || is_local(address)) return;
  throw Error(Errc::permission_denied, endpoint,
              "other machines can reach " + address +
                  ", and without keys anybody there can read and write; give it curve_key= and "
                  "curve_clients= (fifomq keygen makes the keys), or say plaintext=yes");
}

Keys read_keys(const SecurityOptions& security, const std::string& endpoint) {
  if (!security.has_keys()) return {};
  if (zmq_has("curve") == 0) {
    throw Error(Errc::unsupported, endpoint, "this libzmq is built without CURVE");
  }
  Keys keys{.own = read_own_certificate(security.key, endpoint)};
  if (security.serves()) {
    read_client_keys(security.clients, endpoint);
  } else {
    keys.server = read_public_key(security.server, endpoint);
  }
  return keys;
}

void apply_keys(zmq::socket_t& socket, const Keys& keys, const Gate* gate) {
  if (keys.own.public_key.empty()) return;
  socket.set(zmq::sockopt::curve_publickey, keys.own.public_key);
  socket.set(zmq::sockopt::curve_secretkey, keys.own.secret_key.text);
  if (gate != nullptr) {
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::zap_domain, gate->domain());
  } else {
    socket.set(zmq::sockopt::curve_serverkey, keys.server);
  }
}

}  // namespace fifomq::zeromq
