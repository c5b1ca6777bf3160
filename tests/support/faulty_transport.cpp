#include "support/faulty_transport.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <fifomq/error.hpp>
#include <fifomq/forwarding.hpp>

namespace fifomq::test {
namespace {

constexpr auto kNames = std::to_array<std::pair<std::string_view, Fault>>({
    {"drop", Fault::drop},
    {"delay", Fault::delay},
    {"duplicate", Fault::duplicate},
    {"shorten", Fault::shorten},
    {"error", Fault::error},
    {"swap", Fault::swap},
});
// More than any test calls "in time".
constexpr std::chrono::milliseconds kDelay{500};

// Counts one end's opportunities.
class Faults {
 public:
  explicit Faults(FaultPlan plan) : plan_(plan) {}

  bool strikes(Fault fault) { return plan_.fault == fault && ++opportunities_ % plan_.every == 0; }

 private:
  const FaultPlan plan_;
  std::uint64_t opportunities_ = 0;
};

// The faults of a call that has run into its deadline.
void run_out(Faults& faults, const Endpoint& endpoint) {
  if (faults.strikes(Fault::delay)) std::this_thread::sleep_for(kDelay);
  if (faults.strikes(Fault::error)) {
    throw Error(Errc::system_failure, endpoint.text(), "this fault was asked for");
  }
}

class FaultySender final : public ForwardingSender {
 public:
  FaultySender(std::unique_ptr<Sender> to, FaultPlan plan)
      : ForwardingSender(std::move(to)), faults_(plan) {}

  SendResult send(const MessageView& message, Deadline deadline) override {
    if (faults_.strikes(Fault::drop)) return SendResult::sent;
    const SendResult result = to().send(message, deadline);
    if (result != SendResult::timed_out && result != SendResult::no_peer) return result;
    run_out(faults_, endpoint());
    if (!faults_.strikes(Fault::swap)) return result;
    return result == SendResult::no_peer ? SendResult::timed_out : SendResult::no_peer;
  }

 private:
  Faults faults_;
};

class FaultyReceiver final : public ForwardingReceiver {
 public:
  FaultyReceiver(std::unique_ptr<Receiver> to, FaultPlan plan)
      : ForwardingReceiver(std::move(to)), faults_(plan) {}

  ReceiveResult receive(MessageView& message, Deadline deadline) override {
    if (again_) {
      again_ = false;
      message = latest_.view();
      return ReceiveResult::received;
    }
    const ReceiveResult result = to().receive(message, deadline);
    if (result == ReceiveResult::timed_out) run_out(faults_, endpoint());
    if (result != ReceiveResult::received) return result;
    if (faults_.strikes(Fault::duplicate)) {
      latest_ = Message(message);
      again_ = true;
    }
    if (!message.payload.empty() && faults_.strikes(Fault::shorten)) {
      message.payload = message.payload.first(message.payload.size() - 1);
    }
    return result;
  }

 private:
  Faults faults_;
  Message latest_;
  bool again_ = false;  // latest_ is given once more
};

class FaultyTransport final : public Transport {
 public:
  FaultyTransport(std::unique_ptr<Transport> to, FaultPlan plan)
      : to_(std::move(to)), plan_(plan) {}

  std::span<const SchemeInfo> schemes() const override { return to_->schemes(); }
  void check(const Endpoint& endpoint, Direction direction) const override {
    to_->check(endpoint, direction);
  }
  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint,
                                      const OpenOptions& options) override {
    return std::make_unique<FaultySender>(to_->open_sender(endpoint, options), plan_);
  }
  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& options) override {
    return std::make_unique<FaultyReceiver>(to_->open_receiver(endpoint, options), plan_);
  }

 private:
  const std::unique_ptr<Transport> to_;
  const FaultPlan plan_;
};

}  // namespace

std::optional<FaultPlan> parse_fault_plan(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::size_t colon = text.find(':');
  const auto* const named =
      std::ranges::find(kNames, text.substr(0, colon), &decltype(kNames)::value_type::first);
  const std::string every(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  const bool is_number =
      !every.empty() && std::ranges::all_of(every, [](char c) { return c >= '0' && c <= '9'; });
  if (named == kNames.end() || !is_number || std::stoull(every) == 0) {
    throw std::invalid_argument("'" + std::string(text) + "' is no fault and number, as in drop:7");
  }
  return FaultPlan{.fault = named->second, .every = std::stoull(every)};
}

std::unique_ptr<Transport> with_faults(std::unique_ptr<Transport> transport, FaultPlan plan) {
  return std::make_unique<FaultyTransport>(std::move(transport), plan);
}

}  // namespace fifomq::test
