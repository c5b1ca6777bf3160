// faults SEED RECEIVE [SEND]: a sender that loses, repeats and delays messages, around any other
// one. To see what a service does then, open its sender through it; the same seed brings about the
// same faults. This program sends 1000 messages, and compares what came with what was done to them.
//   faults 1 fifo:./in
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>

#include <fifomq/builtin.hpp>
#include <fifomq/forwarding.hpp>

namespace {

struct Faults {
  std::uint64_t lost = 0;
  std::uint64_t repeated = 0;
  std::uint64_t late = 0;  // came after one that was sent later

  friend bool operator==(const Faults&, const Faults&) = default;
};

std::ostream& operator<<(std::ostream& out, const Faults& faults) {
  return out << faults.lost << " lost, " << faults.repeated << " repeated, " << faults.late
             << " late";
}

class FaultySender : public fifomq::ForwardingSender {
 public:
  FaultySender(std::unique_ptr<fifomq::Sender> to, std::uint64_t seed)
      : ForwardingSender(std::move(to)), random_(seed), writer_(random_() | 1) {}

  fifomq::SendResult send(const fifomq::MessageView& message, fifomq::Deadline deadline) override {
    // Numbered here, so that the receiver sees a gap where one is lost, and the same number where
    // one is repeated.
    fifomq::MessageView numbered = message;
    if (!message.origin) numbered.origin = {.writer = writer_, .sequence = accepted_ + 1};
    auto result = fifomq::SendResult::sent;
    const bool is_lost = fate_ == Fate::lost;
    const bool is_held = fate_ == Fate::late && !held_;
    if (!is_lost && !is_held) result = pass(numbered, deadline);
    if (!is_accepted(result)) return result;
    ++accepted_;
    const Fate fate = std::exchange(fate_, draw());
    if (is_lost) {
      ++done_.lost;
    } else if (is_held) {
      held_.emplace(numbered);
    } else {
      spoil(fate, numbered, deadline);
    }
    return result;
  }

  fifomq::SendResult flush(fifomq::Deadline deadline) override {
    if (held_) {
      const auto result = pass(held_->view(), deadline);
      if (!is_accepted(result)) return result;
      held_.reset();
    }
    return to().flush(deadline);
  }

  // In whose numbers the caller counts: all, or what was known before.
  std::uint64_t settled() const override {
    if (!held_ && to().settled() == passed_) settled_ = accepted_;
    return settled_;
  }

  const Faults& done() const { return done_; }

 private:
  enum class Fate { good, lost, repeated, late };

  Fate draw() {
    // Of a hundred, ten each.
    switch (std::uniform_int_distribution<int>(0, 9)(random_)) {
      case 0:
        return Fate::lost;
      case 1:
        return Fate::repeated;
      case 2:
        return Fate::late;
      default:
        return Fate::good;
    }
  }

  static bool is_accepted(fifomq::SendResult result) {
    return result == fifomq::SendResult::sent || result == fifomq::SendResult::dropped;
  }

  fifomq::SendResult pass(const fifomq::MessageView& message, fifomq::Deadline deadline) {
    const auto result = to().send(message, deadline);
    if (is_accepted(result)) ++passed_;
    return result;
  }

  // What follows a message that has gone out. What there is no room for is left out.
  void spoil(Fate fate, const fifomq::MessageView& message, fifomq::Deadline deadline) {
    if (fate == Fate::repeated && is_accepted(pass(message, deadline))) ++done_.repeated;
    if (held_ && is_accepted(pass(held_->view(), deadline))) {
      held_.reset();
      ++done_.late;
    }
  }

  std::mt19937_64 random_;
  std::uint64_t writer_;
  Fate fate_ = Fate::good;  // of the next message; drawn once for each, however often it is tried
  std::optional<fifomq::Message> held_;
  std::uint64_t accepted_ = 0;
  std::uint64_t passed_ = 0;
  mutable std::uint64_t settled_ = 0;
  Faults done_;
};

constexpr std::uint64_t kMessages = 1000;

class Observer {
 public:
  void saw(std::uint64_t sequence) {
    if (!seen_.insert(sequence).second) {
      ++faults_.repeated;
    } else if (sequence < *seen_.rbegin()) {
      ++faults_.late;
    }
  }
  Faults faults() const {
    Faults faults = faults_;
    faults.lost = kMessages - seen_.size();
    return faults;
  }

 private:
  std::set<std::uint64_t> seen_;
  Faults faults_;
};

Faults observe(fifomq::Receiver& receiver, std::uint64_t messages, fifomq::Deadline deadline) {
  Observer observer;
  fifomq::MessageView message;
  for (; messages > 0 && receiver.receive(message, deadline) == fifomq::ReceiveResult::received;
       --messages) {
    observer.saw(message.origin->sequence);
  }
  return observer.faults();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr << "usage: faults SEED RECEIVE [SEND]\n";
    return 2;
  }
  const fifomq::Registry transports = fifomq::builtin_transports();
  const auto receiver = transports.open_receiver(argv[2]);
  FaultySender sender(transports.open_sender(argv[argc > 3 ? 3 : 2]), std::stoul(argv[1]));
  const auto deadline = fifomq::Deadline::after(std::chrono::seconds(20));
  for (std::uint64_t i = 1; i <= kMessages; ++i) {
    if (sender.send({.payload = fifomq::as_byte_view(std::to_string(i))}, deadline) !=
        fifomq::SendResult::sent)
      return 1;
  }
  if (sender.flush(deadline) != fifomq::SendResult::sent) return 1;
  const Faults seen =
      observe(*receiver, kMessages - sender.done().lost + sender.done().repeated, deadline);
  std::cout << "done: " << sender.done() << "\nseen: " << seen << "\n";
  return seen == sender.done() ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "faults: " << error.what() << "\n";
  return 2;
}
