// What the service manager is told (sd_notify(3)): that the service is ready, reloads, stops, and
// that it lives. Where no manager asks (NOTIFY_SOCKET), nothing is sent and nobody is woken.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <fifomq/deadline.hpp>
#include <fifomq/log.hpp>

namespace fifomq {

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
  ServiceManager(LogSink log, std::optional<std::chrono::microseconds> watchdog);

  void tell(const std::string& state);

  bool listens_ = false;
  LogSink log_;
  // Between two signs of life, if somebody watches.
  std::optional<std::chrono::microseconds> interval_;
  unsigned patience_ = 1;
  Deadline due_ = Deadline::never();
};

}  // namespace fifomq
