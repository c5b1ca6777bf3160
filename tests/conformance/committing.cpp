#include "conformance/committing.hpp"

#include <cstdlib>
#include <utility>

#include <fifomq/forwarding.hpp>

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
  explicit CommittingTransport(std::unique_ptr<Transport> to) : to_(std::move(to)) {}

  std::span<const SchemeInfo> schemes() const override { return to_->schemes(); }
  void check(const Endpoint& endpoint, Direction direction) const override {
    to_->check(endpoint, direction);
  }
  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint,
                                      const OpenOptions& options) override {
    return to_->open_sender(endpoint, options);
  }
  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& options) override {
    if (options.explicit_commit) return to_->open_receiver(endpoint, options);
    OpenOptions committing = options;
    committing.explicit_commit = true;
    return std::make_unique<CommittingReceiver>(to_->open_receiver(endpoint, committing));
  }

 private:
  const std::unique_ptr<Transport> to_;
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

std::unique_ptr<Transport> with_commits(std::unique_ptr<Transport> transport) {
  return std::make_unique<CommittingTransport>(std::move(transport));
}

}  // namespace fifomq::conformance
