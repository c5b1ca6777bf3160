// A sender that gathers messages while they follow each other closely, on a sink that takes what
// the test lets it take: its thread sees to what waits, and whatever send() says is what a reader
// of the bytes finds. plugins/fifo/gathering_test.cpp is about the same over a real pipe.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "core/short_wait.hpp"
#include "core/stream_sender.hpp"
#include "decoder_driver.hpp"
#include "support/child.hpp"
#include "support/random.hpp"
#include "support/sanitized.hpp"

namespace fifomq {
namespace {

using core::Framing;
using test::kUnlimited;
using Payloads = std::vector<std::string>;

constexpr auto kLong = std::chrono::seconds(20);

// Takes each write as a whole or not at all, as a pipe does. Two threads use it: the sender's
// writes, and the test says how much room there is.
class Pipe {
 public:
  void attach(core::Readiness& readiness) {
    const std::lock_guard lock(mutex_);
    readiness_ = &readiness;
    readiness.signal();
  }
  core::IoResult write(ByteView bytes) {
    const std::lock_guard lock(mutex_);
    if (error_ != 0) return {.status = core::IoStatus::failed, .error = error_};
    if (bytes.size() > room_) {
      readiness_->clear();
      return {core::IoStatus::would_block};
    }
    taken_ += as_text(bytes);
    if (room_ != kUnlimited) room_ -= bytes.size();
    ++writes_;
    changed_.notify_all();
    return {.status = core::IoStatus::done, .count = bytes.size()};
  }

  void set_room(std::size_t room) {
    const std::lock_guard lock(mutex_);
    room_ = room;
    readiness_->signal();
  }
  void fail(int error) {
    const std::lock_guard lock(mutex_);
    error_ = error;
    readiness_->signal();
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    taken_.clear();
  }
  std::string taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  std::uint64_t writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }
  // Until there were more writes than so many; false when none comes.
  bool wait_for_more(std::uint64_t writes) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLong, [&] { return writes_ > writes; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  core::Readiness* readiness_ = nullptr;
  std::string taken_;
  std::uint64_t writes_ = 0;
  std::size_t room_ = kUnlimited;
  int error_ = 0;
};

class PipeSink final : public core::ByteSink {
 public:
  explicit PipeSink(Pipe& pipe) : pipe_(pipe) {}
  void attach(core::Readiness& readiness) override { pipe_.attach(readiness); }
  core::IoResult write(ByteView bytes) override { return pipe_.write(bytes); }

 private:
  Pipe& pipe_;
};

class GatheringSender : public testing::TestWithParam<Framing> {
 protected:
  GatheringSender()
      : sender_(std::make_unique<core::StreamSender>(
            Endpoint::parse("fake:"), Capabilities{}, std::make_unique<PipeSink>(pipe_),
            core::make_encoder(GetParam()), std::uint64_t{1} << 20,
            std::chrono::microseconds(100))) {}

  SendResult send(const std::string& payload, Deadline deadline = Deadline::now()) {
    const SendResult result = sender_->send({.payload = as_byte_view(payload)}, deadline);
    if (result == SendResult::sent) wanted_.push_back(payload);
    return result;
  }
  // Sends one after the other, with nothing between, until one waits that was accepted.
  void gather() {
    constexpr int kBurst = 8;
    const Deadline deadline = Deadline::after(kLong);
    while (sender_->counters().messages_pending == 0) {
      ASSERT_FALSE(deadline.expired());
      const std::string payload = std::to_string(wanted_.size());
      const MessageView message{.payload = as_byte_view(payload)};
      for (int i = 0; i < kBurst; ++i) {
        ASSERT_EQ(sender_->send(message, Deadline::now()), SendResult::sent);
        wanted_.push_back(payload);
      }
    }
  }
  void wait_until_all_left() {
    while (true) {
      const std::uint64_t writes = pipe_.writes();
      // Waits for the turn that is running.
      if (sender_->counters().messages_pending == 0) return;
      ASSERT_TRUE(pipe_.wait_for_more(writes));
    }
  }
  // What a reader gets out of what was written.
  Payloads read() const {
    const auto decoder = core::make_decoder(GetParam(), {}, "", {});
    test::DecoderDriver driver(*decoder);
    driver.give(pipe_.taken());
    driver.finish();
    EXPECT_EQ(driver.counters().frames_damaged, 0U);
    EXPECT_EQ(driver.counters().sequence_gaps, 0U);
    return driver.payloads();
  }

  Pipe pipe_;
  Payloads wanted_;
  std::unique_ptr<Sender> sender_;
};

TEST_P(GatheringSender, WhatWasGatheredLeavesWithoutAnotherCall) {
  for (int i = 0; i < 20 && !HasFailure(); ++i) {
    gather();
    wait_until_all_left();
  }
  EXPECT_EQ(read(), wanted_);
}

// They come as fast as those of a loop, but each one's caller may be waiting for it.
TEST_P(GatheringSender, WhatComesAfterAnAnswerLeavesAtOnce) {
  // Longer than it takes to send.
  constexpr auto kQuickAnswer = std::chrono::microseconds(test::kSanitized ? 100 : 5);
  for (int i = 0; i < 1'000 && !HasFailure(); ++i) {
    core::ShortWait::pause(kQuickAnswer);
    ASSERT_EQ(send(std::to_string(i)), SendResult::sent);
    EXPECT_EQ(sender_->counters().messages_pending, 0U) << i;
  }
}

TEST_P(GatheringSender, TheRestOfAMessageLeavesWhenThereIsRoomWithoutAnotherCall) {
  const std::string payload(300'000, 'p');
  for (const std::size_t room : std::initializer_list<std::size_t>{50'000, 250'000}) {
    pipe_.set_room(room);
    const bool sent = send(payload) == SendResult::sent;
    // Where so many pages are left that not all could wait, a frame is cancelled.
    EXPECT_EQ(sent, room > 50'000 || GetParam() != Framing::frame);
    pipe_.set_room(kUnlimited);
    if (sent) wait_until_all_left();
    EXPECT_EQ(sender_->settled(), wanted_.size());
  }
  EXPECT_EQ(send("next"), SendResult::sent);
  EXPECT_EQ(read(), wanted_);
}

TEST_P(GatheringSender, ResultSaysWhatAReaderFinds) {
  test::Random random;
  for (int i = 0; i < 1'000 && !HasFailure(); ++i) {
    pipe_.set_room(random.one_in(3)   ? random.between(0, 10'000)
                   : random.one_in(3) ? random.between(0, 200'000)
                                      : kUnlimited);
    for (std::uint64_t left = random.between(1, 40); left > 0; --left) {
      send(random.letters(random.between(0, 300)));
    }
    if (random.one_in(4)) send(random.letters(random.between(0, 20'000)));
    if (random.one_in(20)) send(random.letters(random.between(100'000, 300'000)));
    if (random.one_in(10)) {
      pipe_.set_room(kUnlimited);
      ASSERT_EQ(sender_->flush(Deadline::after(kLong)), SendResult::sent);
      ASSERT_EQ(sender_->settled(), wanted_.size());
      ASSERT_EQ(sender_->counters().messages_received, wanted_.size());
    }
  }
  pipe_.set_room(kUnlimited);
  sender_.reset();
  EXPECT_EQ(read(), wanted_);
}

// Where the sender's thread meets it, the next call says so.
TEST_P(GatheringSender, ASinkThatFailsIsAnErrorOfTheNextCall) {
  gather();
  pipe_.fail(EIO);
  std::string refusal;
  const Deadline deadline = Deadline::after(kLong);
  while (refusal.empty()) {
    ASSERT_FALSE(deadline.expired());
    try {
      ASSERT_EQ(send("m", deadline), SendResult::sent);
    } catch (const Error& error) {
      refusal = error.what();
    }
  }
  EXPECT_EQ(refusal, "fake:: cannot write: Input/output error [system_failure]");
  pipe_.fail(0);
  EXPECT_EQ(send("after"), SendResult::sent);
  EXPECT_EQ(sender_->flush(Deadline::after(kLong)), SendResult::sent);
  EXPECT_EQ(read(), wanted_);
}

// What was gathered is the parent's. The child's copy has a thread of its own, if any.
TEST_P(GatheringSender, EachSideOfAForkHasWhatItGathered) {
  pipe_.set_room(kUnlimited);
  gather();
  EXPECT_EQ(test::status_of_child([&] {
              sender_.reset();
              return 0;
            }),
            0);
  EXPECT_EQ(test::status_of_child([&] {
              pipe_.forget();
              wanted_.clear();
              if (send("child") != SendResult::sent) return 1;
              gather();
              wait_until_all_left();
              sender_.reset();
              if (HasFailure()) return 2;
              return read() == wanted_ ? 0 : 3;
            }),
            0);
  gather();
  sender_.reset();
  EXPECT_EQ(read(), wanted_);
}

// Nothing may be gathered then: what was sent would wait for ever.
TEST_P(GatheringSender, WithoutAThreadMessagesLeaveAtOnce) {
  if (test::kSanitized) GTEST_SKIP() << "the sanitizers need descriptors of their own";
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;  // so that the thread's event cannot be made
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 10'000 && !HasFailure(); ++i) {
    EXPECT_EQ(send(std::to_string(i)), SendResult::sent) << i;
    EXPECT_EQ(sender_->counters().messages_pending, 0U) << i;
  }
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(read(), wanted_);
}

INSTANTIATE_TEST_SUITE_P(Each, GatheringSender,
                         testing::Values(Framing::frame, Framing::u32be, Framing::line),
                         [](const auto& named) {
                           return std::string(named.param == Framing::frame   ? "frame"
                                              : named.param == Framing::u32be ? "u32be"
                                                                              : "line");
                         });

}  // namespace
}  // namespace fifomq
