#include "service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <algorithm>
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
  if (watchdog) interval_ = *watchdog / 2;
}

void ServiceManager::ready(const std::string& status) {
  const std::lock_guard lock(mutex_);
  tell("READY=1" + status_line(status));
}

void ServiceManager::reloading() {
  const std::lock_guard lock(mutex_);
  // By this time, which the manager demands, it tells this reload from an earlier one.
  tell("RELOADING=1\nMONOTONIC_USEC=" + text_of(Deadline::Clock::now().time_since_epoch()));
}

void ServiceManager::reloaded() {
  const std::lock_guard lock(mutex_);
  tell("READY=1");
}

void ServiceManager::stopping(std::chrono::nanoseconds extension) {
  const std::lock_guard lock(mutex_);
  tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + text_of(extension));
}

void ServiceManager::alive(const WatchedLoop& loop, const std::string& status) {
  const std::lock_guard lock(mutex_);
  loops_.at(&loop).is_alive = true;
  if (!std::ranges::all_of(loops_, [](const auto& each) { return each.second.is_alive; })) return;
  for (auto& [unused, each] : loops_) each.is_alive = false;
  tell("WATCHDOG=1" + status_line(status));
}

unsigned ServiceManager::patience() const {
  unsigned most = 1;
  for (const auto& [unused, each] : loops_) most = std::max(most, each.patience);
  return most;
}

void ServiceManager::set_patience(const WatchedLoop& loop, unsigned factor) {
  const std::lock_guard lock(mutex_);
  const unsigned before = patience();
  loops_.at(&loop).patience = factor;
  if (patience() == before) return;
  tell("WATCHDOG=1\nWATCHDOG_USEC=" + text_of(*interval_ * 2 * patience()));
}

void ServiceManager::tell(const std::string& state) {
  if (!listens_) return;
  const int result = sd_notify(0, state.c_str());
  if (result > 0 || !log_) return;
  // Whoever does not hear us is not told again and again.
  std::exchange(log_, {})(LogLevel::warning, "the service manager cannot be told: " +
                                                 std::generic_category().message(-result));
}

WatchedLoop::WatchedLoop(ServiceManager& manager) : manager_(manager) {
  if (!manager_.is_watched()) return;
  due_ = Deadline::after(*manager_.interval_);
  const std::lock_guard lock(manager_.mutex_);
  manager_.loops_.emplace(this, ServiceManager::Loop{});
}

WatchedLoop::~WatchedLoop() {
  const std::lock_guard lock(manager_.mutex_);
  manager_.loops_.erase(this);
}

void WatchedLoop::alive(const std::string& status) {
  if (!manager_.is_watched()) return;
  manager_.alive(*this, status);
  due_ = Deadline::after(*manager_.interval_ * patience_);
}

void WatchedLoop::set_patience(unsigned factor) {
  if (!manager_.is_watched() || patience_ == factor) return;
  patience_ = factor;
  manager_.set_patience(*this, factor);
  due_ = Deadline::after(*manager_.interval_ * patience_);
}

}  // namespace fifomq
