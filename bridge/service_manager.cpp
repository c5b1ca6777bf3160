#include "service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace fifomq {
namespace {

using std::chrono::microseconds;

std::string text_of(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<microseconds>(time).count());
}

// A state is a list of lines.
std::string status_line(const std::string& status) {
  return "\nSTATUS=" + status.substr(0, status.find('\n'));
}

}  // namespace

ServiceManager ServiceManager::of_environment(LogSink log) {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return {};
  std::uint64_t usec = 0;
  std::optional<microseconds> watchdog;
  if (sd_watchdog_enabled(0, &usec) > 0) watchdog = microseconds(usec);
  return {std::move(log), watchdog};
}

ServiceManager::ServiceManager(LogSink log, std::optional<microseconds> watchdog)
    : listens_(true), log_(std::move(log)) {
  if (!watchdog) return;
  interval_ = *watchdog / 2;
  due_ = Deadline::after(*interval_);
}

void ServiceManager::ready(const std::string& status) { tell("READY=1" + status_line(status)); }

void ServiceManager::reloading() {
  // By this time, which the manager demands, it tells this reload from an earlier one.
  tell("RELOADING=1\nMONOTONIC_USEC=" + text_of(Deadline::Clock::now().time_since_epoch()));
}

void ServiceManager::reloaded() { tell("READY=1"); }

void ServiceManager::stopping(std::chrono::nanoseconds extension) {
  tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + text_of(extension));
}

void ServiceManager::alive(const std::string& status) {
  if (!interval_) return;
  tell("WATCHDOG=1" + status_line(status));
  due_ = Deadline::after(*interval_ * patience_);
}

void ServiceManager::set_patience(unsigned factor) {
  if (!interval_ || patience_ == factor) return;
  patience_ = factor;
  tell("WATCHDOG=1\nWATCHDOG_USEC=" + text_of(*interval_ * 2 * factor));
  due_ = Deadline::after(*interval_ * patience_);
}

void ServiceManager::tell(const std::string& state) {
  if (!listens_) return;
  const int result = sd_notify(0, state.c_str());
  if (result > 0 || !log_) return;
  // Whoever does not hear us is not told again and again.
  std::exchange(log_, {})(LogLevel::warning, "the service manager cannot be told: " +
                                                 std::generic_category().message(-result));
}

}  // namespace fifomq
