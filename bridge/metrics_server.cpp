#include "metrics_server.hpp"

#include <CivetServer.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <prometheus/text_serializer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <future>
#include <sstream>
#include <utility>

#include "config_error.hpp"
#include "core/unique_fd.hpp"

namespace fifomq {
namespace {

// A relay answers between two messages; one that takes longer is not well.
constexpr std::chrono::seconds kPatience{2};
constexpr auto kForm = "an address and a port, such as 127.0.0.1:9100";

bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  return error == std::errc() && end == text.end();
}

sockaddr_in look_up(const std::string& where, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string host = text.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (host.empty() || !is_port(port)) throw ConfigError(where + ": '" + text + "' is not " + kForm);
  if (host.find(':') != std::string::npos) {
    throw ConfigError(where + ": '" + text + "' is no address of IPv4, which it has to be");
  }
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    throw ConfigError(where + ": '" + text + "' is not " + kForm + " (" + gai_strerror(error) +
                      ")");
  }
  sockaddr_in address{};
  std::memcpy(&address, found->ai_addr, sizeof address);
  freeaddrinfo(found);
  return address;
}

std::string in_numbers(const sockaddr_in& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return text.data();
}

// The server itself would not say what is wrong.
void try_to_listen(const std::string& where, const sockaddr_in& address) {
  const core::UniqueFd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr any{};
  std::memcpy(&any, &address, sizeof any);
  if (probe && bind(probe.get(), &any, sizeof any) == 0 && listen(probe.get(), 1) == 0) return;
  throw ConfigError(where + ": cannot listen on " + in_numbers(address) + ":" +
                    std::to_string(ntohs(address.sin_port)) + ": " +
                    std::generic_category().message(errno));
}

void reply(mg_connection* connection, std::string_view status, std::string_view type,
           const std::string& body) {
  std::string text = "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
                     "; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + body;
  mg_write(connection, text.data(), text.size());
}

// A connection that is closed at once.
void knock(const std::string& host, int port) {
  const core::UniqueFd visitor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  sockaddr any{};
  std::memcpy(&any, &address, sizeof any);
  [[maybe_unused]] const int result = connect(visitor.get(), &any, sizeof any);
}

}  // namespace

MetricsAddress metrics_address(const std::string& where, const std::string& text) {
  const sockaddr_in address = look_up(where, text);
  try_to_listen(where, address);
  return {in_numbers(address) + ":" + std::to_string(ntohs(address.sin_port)),
          ntohl(address.sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET};
}

// What the server's threads call.
class MetricsServer::Pages final : public CivetHandler {
 public:
  explicit Pages(std::vector<WatchedRelay> relays) : relays_(std::move(relays)) {}

  bool handleGet(CivetServer* /*server*/, mg_connection* connection) override {
    // No exception may pass through the server, which is in C.
    try {
      const std::string_view path = mg_get_request_info(connection)->local_uri;
      path == "/healthz" ? health(connection) : metrics(connection);
      return true;
    } catch (...) {
      return false;
    }
  }

 private:
  void health(mg_connection* connection) const {
    for (const auto& [status, unused] : relays_) {
      const std::string ailment = status.ask(kPatience).ailment;
      if (ailment.empty()) continue;
      return reply(connection, "503 Service Unavailable", "text/plain", ailment + "\n");
    }
    reply(connection, "200 OK", "text/plain", "ok\n");
  }

  void metrics(mg_connection* connection) const {
    std::vector<RelayFigures> figures;
    for (const auto& [status, names] : relays_) {
      const RelayStatus::Answer answer = status.ask(kPatience);
      if (answer.snapshot) figures.push_back({*answer.snapshot, names});
    }
    std::vector<prometheus::MetricFamily> families;
    if (!figures.empty()) families = metric_families(figures);
    families.push_back(build_info());
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    reply(connection, "200 OK", "text/plain; version=0.0.4", text.str());
  }

  const std::vector<WatchedRelay> relays_;
};

MetricsServer::MetricsServer(const std::string& where, const MetricsAddress& address,
                             std::vector<WatchedRelay> relays)
    : host_(address.text.substr(0, address.text.find(':'))),
      pages_(std::make_unique<Pages>(std::move(relays))) {
  try {
    server_ = std::make_unique<CivetServer>(std::vector<std::string>{
        "listening_ports", address.text, "num_threads", "2", "request_timeout_ms", "5000"});
  } catch (const CivetException&) {
    throw ConfigError(where + ": cannot listen on " + address.text + " any more");
  }
  port_ = server_->getListeningPorts().at(0);
  url_ = "http://" + host_ + ":" + std::to_string(port_) + "/metrics";
  server_->addHandler("/metrics$", *pages_);
  server_->addHandler("/healthz$", *pages_);
}

// The thread that listens sees only at the next connection, or after 2 s, that it is to end.
MetricsServer::~MetricsServer() {
  try {
    const auto closed = std::async(std::launch::async, [this] { server_.reset(); });
    do {
      knock(host_, port_);
    } while (closed.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready);
  } catch (const std::exception&) {
    // No thread or memory for that: it takes its 2 s, as its own destructor comes.
    return;
  }
}

}  // namespace fifomq
