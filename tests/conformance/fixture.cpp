#include "conformance/fixture.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include "conformance/committing.hpp"

namespace fifomq::conformance {
namespace {

constexpr milliseconds kPatience{20'000};
constexpr milliseconds kMostLate{250};
// No room for so long means full. TCP acknowledges late, and widens its window when it does
// (tcp(7): delayed acknowledgements, zero window probes every 200 ms).
constexpr milliseconds kFull{300};

// SplitMix64.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

// A case that hangs ends its program, and the name of the case stands last in the output.
unsigned longest_case_seconds() {
  return static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(6 * patience()).count());
}

// GoogleTest tells its listeners of one failure at a time.
class FailureFlag : public testing::EmptyTestEventListener {
 public:
  static bool raised() { return failed; }

 private:
  void OnTestStart(const testing::TestInfo&) override { failed = false; }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed()) failed = true;
  }

  static inline std::atomic<bool> failed = false;
};

const bool kFailureFlagInPlace = [] {
  testing::UnitTest::GetInstance()->listeners().Append(std::make_unique<FailureFlag>().release());
  return true;
}();

}  // namespace

bool Conformance::HasFailure() { return kFailureFlagInPlace && FailureFlag::raised(); }

milliseconds patience() {
  static const char* const kGiven = std::getenv("FIFOMQ_PATIENCE_MS");
  static const milliseconds kWait = kGiven ? milliseconds(std::stoll(kGiven)) : kPatience;
  return kWait;
}

testing::AssertionResult Stopwatch::kept(milliseconds wait) const {
  const auto took = Deadline::Clock::now() - start_;
  if (took >= wait && took <= wait + kMostLate) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "the call took " << std::chrono::duration_cast<milliseconds>(took).count()
         << " ms, its deadline was " << wait.count() << " ms";
}

Background::Background(std::function<void()> work)
    : thread_([work = std::move(work)] {
        try {
          work();
        } catch (const std::exception& error) {
          ADD_FAILURE() << "an exception in a thread: " << error.what();
        }
      }) {}

Message sample(std::uint64_t index, std::size_t size) {
  Message message;
  message.payload.resize(size);
  for (std::size_t at = 0; at < size; at += sizeof index) {
    const std::uint64_t word = at == 0 ? index : mix(index ^ (at << 32));
    std::memcpy(message.payload.data() + at, &word, std::min(sizeof word, size - at));
  }
  message.topic = "conformance/" + std::to_string(index % 7);
  message.type = index % 3 == 0 ? "" : "conformance.v1.Sample";
  return message;
}

std::size_t varied_size(std::uint64_t index, std::size_t most) { return mix(index) % (most + 1); }

testing::AssertionResult same(const MessageView& arrived, const Message& wanted, bool envelope) {
  if (arrived.payload.size() != wanted.payload.size()) {
    return testing::AssertionFailure() << "a payload of " << arrived.payload.size()
                                       << " bytes came instead of " << wanted.payload.size();
  }
  if (!std::ranges::equal(arrived.payload, wanted.payload)) {
    const auto differs = std::ranges::mismatch(arrived.payload, wanted.payload);
    return testing::AssertionFailure()
           << "the payload differs from byte " << differs.in2 - wanted.payload.begin();
  }
  if (!envelope || (arrived.topic == wanted.topic && arrived.type == wanted.type)) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << "topic '" << arrived.topic << "' and type '" << arrived.type << "' came instead of '"
         << wanted.topic << "' and '" << wanted.type << "'";
}

std::string with_option(const std::string& endpoint, std::string_view option) {
  if (option.empty()) return endpoint;
  const char separator = endpoint.find('?') == std::string::npos ? '?' : '&';
  return endpoint + separator + std::string(option);
}

testing::AssertionResult keeps_ledger(const Channel& channel) {
  const Counters counters = channel.counters();
  const std::uint64_t received = counters.messages_received;
  // No term is above the sum: none has fallen below zero.
  const bool sane = counters.messages_delivered <= received &&
                    counters.messages_pending <= received && counters.dropped() <= received;
  if (counters.balanced() && sane) return testing::AssertionSuccess();
  auto failure = testing::AssertionFailure() << channel.endpoint().text() << " is out of balance:";
  for (const auto& [name, member] : kCounterNames)
    failure << " " << name << "=" << counters.*member;
  return failure;
}

void Conformance::SetUp() {
  alarm(longest_case_seconds());
  // A SIGPIPE that somebody lets through is to end the program.
  static_cast<void>(std::signal(SIGPIPE, SIG_DFL));
  commit_each(GetParam().commits_each);
  link_ = GetParam().make_link();
  registry_ = registry_under_test();
}

void Conformance::TearDown() {
  if (sender_) {
    EXPECT_TRUE(keeps_ledger(*sender_)) << "(sender)";
  }
  if (receiver_) {
    EXPECT_TRUE(keeps_ledger(*receiver_)) << "(receiver)";
  }
  sender_.reset();
  receiver_.reset();
  struct sigaction action {};
  sigaction(SIGPIPE, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL) << "the library changed what SIGPIPE does";
  alarm(0);
}

// What stands behind the old link is gone before the new one is made.
void Conformance::start_over() {
  sender_.reset();
  receiver_.reset();
  registry_ = {};
  link_ = {};
  link_ = GetParam().make_link();
  registry_ = registry_under_test();
}

bool Conformance::has_option(const std::string& endpoint, std::string_view key) const {
  const auto schemes = registry_.schemes();
  const auto scheme =
      std::ranges::find(schemes, Endpoint::parse(endpoint).scheme(), &SchemeInfo::name);
  return scheme != schemes.end() && std::ranges::count(scheme->options, key, &OptionInfo::key) > 0;
}

void Conformance::open(const OpenOptions& receiver_options, std::string_view extra_sender,
                       std::string_view extra_receiver) {
  const bool sender_first = GetParam().opens_first == OpensFirst::sender;
  const std::string sender = with_option(link_.sender, extra_sender);
  if (sender_first) sender_ = registry_.open_sender(sender);
  receiver_ =
      registry_.open_receiver(with_option(link_.receiver, extra_receiver), receiver_options);
  if (!sender_first) sender_ = registry_.open_sender(sender);
}

void Conformance::must_send(const Message& message) {
  if (HasFailure()) return;
  ASSERT_EQ(sender_->send(message.view(), soon()), SendResult::sent);
}

void Conformance::must_receive(const Message& wanted) {
  if (HasFailure()) return;
  MessageView arrived;
  ASSERT_EQ(receiver_->receive(arrived, soon()), ReceiveResult::received);
  ASSERT_TRUE(same(arrived, wanted, carries_origin()));
}

void Conformance::must_pass(std::uint64_t index, std::size_t size) {
  Background other([&] { must_send(index, size); });
  must_receive(index, size);
  if (HasFailure()) sender_->close();
  other.join();
}

void Conformance::must_receive_nothing(milliseconds wait) {
  if (HasFailure()) return;
  MessageView arrived;
  ASSERT_EQ(receiver_->receive(arrived, in(wait)), ReceiveResult::timed_out)
      << "a message of " << arrived.payload.size() << " bytes came";
}

std::uint64_t Conformance::fill(std::uint64_t first) {
  constexpr std::uint64_t kMost = 1'000'000;
  constexpr int kMostLateSends = 20;
  // The first one also waits until both ends have found each other, and until it has left: before
  // that a network may stand still for longer than kFull.
  SendResult result = sender_->send(sample(first, kFillSize).view(), soon());
  EXPECT_EQ(sender_->flush(soon()), SendResult::sent);
  std::uint64_t next = first;
  int late = 0;
  bool moves = result == SendResult::sent;
  while (moves && late < kMostLateSends && next < first + kMost) {
    if (result == SendResult::sent) ++next;
    const std::uint64_t settled = sender_->settled();
    result = sender_->send(sample(next, kFillSize).view(), Deadline::after(kFull));
    // As long as something leaves, there will be room again.
    moves = result == SendResult::sent || sender_->settled() > settled;
    if (result != SendResult::sent) ++late;
  }
  EXPECT_EQ(result, SendResult::timed_out) << "after " << next - first << " messages";
  return next;
}

}  // namespace fifomq::conformance
