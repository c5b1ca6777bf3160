// Answers HTTP: /metrics for Prometheus, /healthz for whoever restarts what does not work.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metric_families.hpp"
#include "relay_status.hpp"

class CivetServer;

namespace fifomq {

// HOST:PORT, looked up.
struct MetricsAddress {
  std::string text;  // ADDRESS:PORT in numbers
  bool is_loopback = true;
};

// Throws ConfigError, with `where` in front, for what is no address, and for one that cannot be
// listened on now.
MetricsAddress metrics_address(const std::string& where, const std::string& text);

struct WatchedRelay {
  RelayStatus& status;
  EndpointNames names;
};

class MetricsServer {
 public:
  // Listens until it is destroyed. What it tells of outlives it. Throws ConfigError.
  MetricsServer(const std::string& where, const MetricsAddress& address,
                std::vector<WatchedRelay> relays);
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  MetricsServer(MetricsServer&&) = delete;
  MetricsServer& operator=(MetricsServer&&) = delete;
  ~MetricsServer();

  // http://ADDRESS:PORT/metrics, also where the system has picked the port.
  const std::string& url() const { return url_; }

 private:
  class Pages;

  const std::string host_;
  std::unique_ptr<Pages> pages_;
  std::unique_ptr<CivetServer> server_;
  std::string url_;
  int port_ = 0;
};

}  // namespace fifomq
