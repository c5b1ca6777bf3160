#include "conformance/committing.hpp"

#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include <fifomq/forwarding.hpp>

#include "conformance/suite.hpp"

namespace fifomq::conformance {
namespace {

constexpr const char* kVariable = "FIFOMQ_COMMITS_EACH";

class CommittingReceiver final : public ForwardingReceiver {
 public:
  using ForwardingReceiver::ForwardingReceiver;

  ReceiveResult receive(MessageView& message, Deadline deadline) override {
    const ReceiveResult result = to().receive(message, deadline);
    if (result == ReceiveResult::received) to().commit(++received_);
    return result;
  }

 private:
  std::uint64_t received_ = 0;
};

class CommittingTransport final : public Transport {
 public:
  explicit CommittingTransport(Registry to) : to_(std::move(to)), schemes_(to_.schemes()) {}

  std::span<const SchemeInfo> schemes() const override { return schemes_; }
  void check(const Endpoint& endpoint, Direction direction) const override {
    to_.check(endpoint.text(), direction);
  }
  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint,
                                      const OpenOptions& options) override {
    return to_.open_sender(endpoint.text(), options);
  }
  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& options) override {
    if (options.explicit_commit) return to_.open_receiver(endpoint.text(), options);
    OpenOptions committing = options;
    committing.explicit_commit = true;
    return std::make_unique<CommittingReceiver>(to_.open_receiver(endpoint.text(), committing));
  }

 private:
  const Registry to_;
  const std::vector<SchemeInfo> schemes_;
};

}  // namespace

void commit_each(bool on) {
  if (on) {
    setenv(kVariable, "1", 1);
  } else {
    unsetenv(kVariable);
  }
}

bool commits_each() { return std::getenv(kVariable) != nullptr; }

Registry registry_under_test() {
  Registry registry = transport_under_test();
  if (!commits_each()) return registry;
  Registry committing;
  committing.add(std::make_unique<CommittingTransport>(std::move(registry)));
  return committing;
}

}  // namespace fifomq::conformance
