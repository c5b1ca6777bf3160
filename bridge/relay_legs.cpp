#include "relay_legs.hpp"

#include <deque>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "core/thread.hpp"
#include "ending.hpp"
#include "report.hpp"

namespace fifomq {
namespace {

// Whoever asks is answered, and people see how it goes, while a relay runs, however that ends.
class Observed {
 public:
  Observed(const Leg& leg, const Relay& relay) : status_(leg.status), line_(leg.line) {
    const ObservedRelay observed{relay, leg.from, leg.to};
    if (status_) status_->begin(observed);
    if (line_) line_->begin(observed);
  }
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;
  Observed(Observed&&) = delete;
  Observed& operator=(Observed&&) = delete;
  ~Observed() {
    if (status_) status_->end();
    if (!line_) return;
    try {
      line_->end();
    } catch (const std::bad_alloc&) {
      return;  // it stays as it was shown last
    }
  }

 private:
  RelayStatus* const status_;
  StatusLine* const line_;
};

RelayOptions with_check_in(RelayOptions options, bool is_observed, Runner& runner) {
  if (is_observed) {
    options.check_in = [&runner](const MessageView& message, unsigned tries) {
      return runner.check_in(message, tries);
    };
  }
  return options;
}

class RunningLeg {
 public:
  RunningLeg(const Run& run, const Leg& leg, StopSignals& stop, const Ending* fed)
      : leg_(leg),
        runner_(leg.from, leg.to, stop, {run.manager, leg.status, leg.line, run.losses},
                {.idle = leg.idle_exit, .reload = leg.reload, .fed = fed}),
        relay_(leg.from, leg.to,
               with_check_in(leg.options, run.manager.is_watched() || leg.line || leg.status,
                             runner_)),
        observed_(std::in_place, leg, relay_) {}

  // False when it has failed.
  bool run() {
    try {
      flushed_ = runner_.run(relay_);
    } catch (...) {
      failure_ = std::current_exception();
    }
    observed_.reset();
    ended_.announce();
    return !failure_;
  }
  void close() const {
    leg_.from.close();
    leg_.to.close();
  }
  const Leg& leg() const { return leg_; }
  const Relay& relay() const { return relay_; }
  const Ending& ended() const { return ended_; }
  const std::exception_ptr& failure() const { return failure_; }
  bool is_flushed() const { return flushed_ == SendResult::sent; }

 private:
  const Leg& leg_;
  Ending ended_;
  Runner runner_;
  Relay relay_;
  std::optional<Observed> observed_;
  SendResult flushed_ = SendResult::closed;
  std::exception_ptr failure_;
};

using Legs = std::deque<RunningLeg>;

void close_running(const Legs& legs) {
  for (const RunningLeg& leg : legs) {
    if (!leg.ended().has_come()) leg.close();
  }
}

void run_all(Legs& legs, const StopSignals& stop) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i + 1 < legs.size(); ++i) {
    threads.push_back(core::start_thread(
        legs[i].leg().from.endpoint().text(), "fifomq-intake",
        // Whatever fails, the service ends; what is half way is in what stands between.
        [&legs, &leg = legs[i]](const std::stop_token&) {
          if (!leg.run()) close_running(legs);
        }));
  }
  const bool done = legs.back().run();
  // Where all are asked to stop, the others may take a little longer.
  if (!done || stop.requested() == 0) close_running(legs);
  threads.clear();
  for (const RunningLeg& leg : legs) {
    if (leg.failure()) std::rethrow_exception(leg.failure());
  }
}

std::runtime_error out_of_patience(const RunningLeg& leg) {
  const Relay& relay = leg.relay();
  return std::runtime_error(
      leg.leg().to.endpoint().text() + ": " + to_string(*relay.failed()) + ": " +
      (*relay.failed() == SendResult::no_peer ? "nobody was there to take a message"
                                              : "there was no room for a message") +
      " in time; " + std::to_string(relay.relayed()) + " were sent before it");
}

int finish(const Legs& legs, bool is_service, int signal, const LogSink& log) {
  bool carried_all = true;
  for (const RunningLeg& leg : legs) {
    report({leg.relay(), leg.leg().from, leg.leg().to}, is_service, log);
    carried_all = carried_all && leg.is_flushed() && (is_service || leg.relay().refused() == 0);
  }
  if (signal != 0) return kSignalled + signal;
  for (const RunningLeg& leg : legs) {
    if (leg.relay().failed()) throw out_of_patience(leg);
  }
  return carried_all ? kDone : kRunFailed;
}

}  // namespace

int run_to_end(const Run& run, StopSignals& stop, const Console& console) {
  Legs legs;
  for (const Leg& leg : run.legs) {
    const Ending* const fed = legs.empty() ? nullptr : &legs.back().ended();
    legs.emplace_back(run, leg, stop, fed);
  }
  if (!run.beginning.empty()) console.log(LogLevel::info, run.beginning);
  run.manager.ready(run.pair);
  stop.listen(run.drain_timeout,
              {.give_up = [&legs] { close_running(legs); }, .last_act = console.status_line_end});
  run_all(legs, stop);
  stop.ignore();
  return finish(legs, run.is_service, stop.requested(), console.log);
}

}  // namespace fifomq
