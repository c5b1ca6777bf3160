// What the cases of the suite share: a link with its two ends, and messages that can be told apart.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

#include "conformance/suite.hpp"

namespace fifomq {

// GoogleTest finds these by their name. NOLINTBEGIN(readability-identifier-naming)
inline void PrintTo(SendResult result, std::ostream* out) { *out << to_string(result); }
inline void PrintTo(ReceiveResult result, std::ostream* out) { *out << to_string(result); }
inline void PrintTo(Errc code, std::ostream* out) { *out << error_name(code); }
// NOLINTEND(readability-identifier-naming)

namespace conformance {

using std::chrono::milliseconds;

// NOLINTNEXTLINE(readability-identifier-naming): see above
inline void PrintTo(const TransportUnderTest& transport, std::ostream* out) {
  *out << transport.name;
}

// For what must happen: long enough for a busy machine, so that running out means "never". It is
// 20 s unless FIFOMQ_PATIENCE_MS says otherwise: who knows that a case will fail waits less.
milliseconds patience();
inline Deadline soon() { return Deadline::after(patience()); }
// The call tries once when there is nothing to wait.
inline Deadline in(milliseconds wait) {
  return wait == milliseconds::zero() ? Deadline::now() : Deadline::after(wait);
}

// How long a call took, against how long it may take: a deadline of `wait` is kept when the call
// returns no earlier and at most 250 ms later.
class Stopwatch {
 public:
  testing::AssertionResult kept(milliseconds wait) const;

 private:
  Deadline::Clock::time_point start_ = Deadline::Clock::now();
};

// One side of a case in a thread of its own; what it throws fails the case. Its end is waited for.
class Background {
 public:
  explicit Background(std::function<void()> work);

  void join() { thread_.join(); }

 private:
  std::jthread thread_;
};

// Message number `index`: content, topic and type follow from its number and size, and no two
// numbers give the same content from 8 bytes on.
Message sample(std::uint64_t index, std::size_t size);
// A size up to `most`, different from number to number and the same in every run.
std::size_t varied_size(std::uint64_t index, std::size_t most);
// Whether it arrived as it was sent; `envelope`: topic and type too.
testing::AssertionResult same(const MessageView& arrived, const Message& wanted, bool envelope);

// The endpoint with one more option.
std::string with_option(const std::string& endpoint, std::string_view option);

// Holds for a channel at every moment between two calls.
testing::AssertionResult keeps_ledger(const Channel& channel);

class Conformance : public testing::TestWithParam<TransportUnderTest> {
 protected:
  // Small enough for every queue to hold many, large enough to fill it soon.
  static constexpr std::size_t kFillSize = 1024;

  void SetUp() override;
  void TearDown() override;

  // Whether the case has failed, for all its threads: GoogleTest's own looks through a list that
  // another thread may be adding to. NOLINTNEXTLINE(readability-identifier-naming)
  static bool HasFailure();

  const Link& link() const { return link_; }
  const Registry& registry() const { return registry_; }
  // Whether the scheme of the endpoint has this option.
  bool has_option(const std::string& endpoint, std::string_view key) const;

  // The case goes on with a link and a registry that nothing has touched yet.
  void start_over();

  // Both ends, in the order that the transport asks for; `extra` options go to the endpoints.
  void open(const OpenOptions& receiver_options = {}, std::string_view extra_sender = {},
            std::string_view extra_receiver = {});
  void open_sender() { sender_ = registry_.open_sender(link_.sender); }
  void open_receiver(const OpenOptions& options = {}) {
    receiver_ = registry_.open_receiver(link_.receiver, options);
  }
  bool carries_origin() const {
    return sender_->capabilities().carries_origin && receiver_->capabilities().carries_origin;
  }
  // What is sent and not taken is there for a receiver that comes later.
  bool keeps_untaken() const {
    return sender_->capabilities().waits_for_peer || GetParam().source_stays;
  }

  // These do nothing more once the case has failed, so that its end does not take long.
  //
  // Fails the case unless the result is `sent`.
  void must_send(const Message& message);
  void must_send(std::uint64_t index, std::size_t size) { must_send(sample(index, size)); }
  // Fails the case unless this message comes next.
  void must_receive(const Message& wanted);
  void must_receive(std::uint64_t index, std::size_t size) { must_receive(sample(index, size)); }
  // It goes through, while both ends take part: what has left of a message that was given up may
  // stand in its way.
  void must_pass(std::uint64_t index, std::size_t size);
  void must_receive_nothing(milliseconds wait = milliseconds(0));

  // Sends messages `first`, `first` + 1 ... of kFillSize bytes until there is no room. Returns the
  // number of the first one that was refused.
  std::uint64_t fill(std::uint64_t first = 0);

  // Declared in this order: the link goes last.
  Link link_;
  Registry registry_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Receiver> receiver_;
};

}  // namespace conformance
}  // namespace fifomq
