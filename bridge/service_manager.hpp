// What the service manager is told (sd_notify(3)): that the service is ready, reloads, stops, and
// that it lives. Where no manager asks (NOTIFY_SOCKET), nothing is sent and nobody is woken.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <fifomq/deadline.hpp>
#include <fifomq/log.hpp>

namespace fifomq {

class WatchedLoop;

// Any thread may call it.
class ServiceManager {
 public:
  // Nobody is told anything.
  ServiceManager() = default;
  // As the environment says. `log` hears, once, of a manager that cannot be reached.
  static ServiceManager of_environment(LogSink log);

  void ready(const std::string& status);
  void reloading();
  void reloaded();
  // Is given `extension` for what is still to be done.
  void stopping(std::chrono::nanoseconds extension);

  bool is_watched() const { return interval_.has_value(); }

 private:
  friend class WatchedLoop;
  struct Loop {
    bool is_alive = false;  // has shown it since the manager was told
    unsigned patience = 1;
  };

  ServiceManager(LogSink log, std::optional<std::chrono::microseconds> watchdog);

  void alive(const WatchedLoop& loop, const std::string& status);
  void set_patience(const WatchedLoop& loop, unsigned factor);
  unsigned patience() const;
  void tell(const std::string& state);

  bool listens_ = false;
  // Between two signs of life, if somebody watches.
  std::optional<std::chrono::microseconds> interval_;
  std::mutex mutex_;  // of all that follows
  LogSink log_;
  std::map<const WatchedLoop*, Loop> loops_;
};

// A loop that has to come by. The manager takes the service for hung when one of its loops does
// not: it is told that the service lives once each of them has shown it. Belongs to one thread.
class WatchedLoop {
 public:
  // `manager` outlives it.
  explicit WatchedLoop(ServiceManager& manager);
  WatchedLoop(const WatchedLoop&) = delete;
  WatchedLoop& operator=(const WatchedLoop&) = delete;
  WatchedLoop(WatchedLoop&&) = delete;
  WatchedLoop& operator=(WatchedLoop&&) = delete;
  ~WatchedLoop();

  // When the loop has to come by again: half the time after which the manager takes it for hung.
  // Never, if nobody watches.
  Deadline due() const { return due_; }
  // Whether a sign of life is due now. Looks at the clock only if somebody watches.
  bool is_due() const { return due_.expired(); }
  // Shows that the loop goes round, with what it has done.
  void alive(const std::string& status);
  // The loop comes by so many times as seldom, because of one thing that takes long; usually 1.
  unsigned patience() const { return patience_; }
  void set_patience(unsigned factor);

 private:
  ServiceManager& manager_;
  unsigned patience_ = 1;
  Deadline due_ = Deadline::never();
};

}  // namespace fifomq
