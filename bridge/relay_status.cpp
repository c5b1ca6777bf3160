#include "relay_status.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/posix.hpp"

namespace fifomq {

RelayStatus::RelayStatus() : question_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!question_) throw core::system_error(errno, "", "make an event");
}

void RelayStatus::begin(const ObservedRelay& relay) {
  relay_.emplace(relay);
  publish(false);
  const std::lock_guard lock(mutex_);
  state_ = State::running;
  why_.clear();
}

void RelayStatus::stop(std::string why) {
  const std::lock_guard lock(mutex_);
  state_ = State::stopping;
  why_ = std::move(why);
}

void RelayStatus::end() noexcept {
  publish(false);
  {
    const std::lock_guard lock(mutex_);
    state_ = State::ended;
  }
  answered_.notify_all();
}

// The counters are read after the question was taken: an answer is never older than its question.
std::uint64_t RelayStatus::take_question() {
  const std::lock_guard lock(mutex_);
  if (asked_.exchange(false)) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(question_.get(), &count, sizeof count);
  }
  return questions_;
}

void RelayStatus::publish(bool waiting) {
  const std::uint64_t question = take_question();
  RelaySnapshot now = relay_->take();
  now.latency = latency_;
  {
    const std::lock_guard lock(mutex_);
    latest_ = now;
    answers_ = question;
    waiting_ = waiting;
  }
  answered_.notify_all();
}

void RelayStatus::answer() { publish(false); }

RelayStatus::Waiting::Waiting(RelayStatus& status) : status_(status) { status_.publish(true); }

RelayStatus::Waiting::~Waiting() {
  const std::lock_guard lock(status_.mutex_);
  status_.waiting_ = false;
}

RelayStatus::Answer RelayStatus::ask(std::chrono::nanoseconds patience) {
  std::unique_lock lock(mutex_);
  const auto needs_no_answer = [this] {
    return waiting_ || state_ == State::opening || state_ == State::ended;
  };
  bool answered = true;
  if (!needs_no_answer()) {
    const std::uint64_t question = ++questions_;
    if (!asked_.exchange(true)) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(question_.get(), &one, sizeof one);
    }
    answered = answered_.wait_for(lock, patience,
                                  [&] { return answers_ >= question || needs_no_answer(); });
  }
  if (answered && state_ == State::ended && why_.empty()) return {latest_, "the relay has failed"};
  if (answered) return {latest_, why_};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  return {latest_, "the relay has not answered for " + std::to_string(seconds.count()) + " s"};
}

}  // namespace fifomq
