// A receiver on a real pipe, and on sources that misbehave.
#include "core/stream_receiver.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "support/soon.hpp"

namespace fifomq::core {
namespace {

using test::soon;

// Only what hangs waits so long.

// What a test puts in place of reading, and of what follows a half message.
struct Script {
  std::function<IoResult(std::span<std::byte>)> read{};
  std::function<void(bool)> watch_writers{};
};

class ScriptedSource final : public ByteSource {
 public:
  ScriptedSource(int fd, const Script& script) : fd_(fd), script_(script) {}

  void attach(Readiness& readiness) override { readiness.watch(fd_, EPOLLIN); }
  IoResult read(std::span<std::byte> into) override {
    return script_.read ? script_.read(into) : read_some(fd_, into);
  }
  void watch_writers(bool half_done) override {
    if (script_.watch_writers) script_.watch_writers(half_done);
  }

 private:
  int fd_;
  const Script& script_;
};

class StreamReceiverTest : public testing::Test {
 protected:
  StreamReceiverTest() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    reading_ = UniqueFd(ends[0]);
    writing_ = UniqueFd(ends[1]);
  }

  void open(Framing framing, const DecoderLimits& limits = {}) {
    receiver_ =
        std::make_unique<StreamReceiver>(Endpoint::parse("fake:"), Capabilities{},
                                         std::make_unique<ScriptedSource>(reading_.get(), script_),
                                         decoder_maker(framing, limits, "", {}), std::nullopt);
  }
  void write(std::string_view bytes) {
    EXPECT_EQ(write_some(writing_.get(), as_byte_view(bytes)).count, bytes.size());
  }
  // The result, or the payload of what was received.
  std::string receive(Deadline deadline) {
    MessageView message;
    const ReceiveResult result = receiver_->receive(message, deadline);
    return result == ReceiveResult::received ? std::string(as_text(message.payload))
                                             : to_string(result);
  }
  bool is_readable() {
    pollfd state{.fd = receiver_->poll_fd(), .events = POLLIN, .revents = 0};
    return poll(&state, 1, 0) == 1;
  }

  Script script_;
  UniqueFd reading_;
  UniqueFd writing_;
  std::unique_ptr<StreamReceiver> receiver_;
};

TEST_F(StreamReceiverTest, AtTheEndTheRestIsHandedOutAndTheEndStays) {
  open(Framing::line);
  EXPECT_EQ(receive(Deadline::now()), "timed_out");
  write("one\ntwo");
  writing_.reset();
  EXPECT_EQ(receive(soon()), "one");
  EXPECT_EQ(receive(soon()), "two");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(receive(Deadline::never()), "end_of_stream");
    EXPECT_TRUE(is_readable());
  }
}

TEST_F(StreamReceiverTest, ASourceThatFailsIsAnErrorEachTime) {
  reading_ = UniqueFd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  open(Framing::line);
  for (int i = 0; i < 2; ++i) {
    try {
      receive(soon());
      ADD_FAILURE() << "it was read";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "fake:: cannot read: Is a directory [system_failure]");
    }
  }
}

// Nobody is left who could write the rest, and others may come.
TEST_F(StreamReceiverTest, WhatIsHalfDoneIsGivenUpWhenNobodyIsLeft) {
  open(Framing::u32be);
  write(std::string("\0\0\0\4ha", 6));
  EXPECT_EQ(receive(Deadline::now()), "timed_out");
  EXPECT_EQ(receiver_->counters().bytes_pending, 6U);
  script_.read = [](auto) { return IoResult{IoStatus::no_peer}; };
  EXPECT_EQ(receive(Deadline::now()), "timed_out");
  EXPECT_EQ(receiver_->counters().bytes_pending, 0U);
  script_.read = nullptr;
  write(std::string("\0\0\0\4next", 8));
  EXPECT_EQ(receive(soon()), "next");
  EXPECT_TRUE(receiver_->counters().balanced());
}

// The writer is there and silent: nothing but the receiver's own clock ends the wait for it.
TEST_F(StreamReceiverTest, WhatStandsHalfDoneTooLongIsGivenUpWhileReceiveWaits) {
  bool half_done = false;
  script_.watch_writers = [&](bool now) {
    if (half_done && !now) write(std::string("\0\0\0\4next", 8));
    half_done = now;
  };
  open(Framing::u32be, {.frame_timeout = std::chrono::milliseconds(8)});
  write(std::string("\0\0\0\4ha", 6));
  EXPECT_EQ(receive(soon()), "next");
  EXPECT_EQ(receiver_->counters().bytes_skipped, 6U);
}

TEST_F(StreamReceiverTest, AnEndlessStreamWithoutAMessageDelaysNoDeadline) {
  std::uint64_t given = 0;
  script_.read = [&given](std::span<std::byte> into) {
    std::ranges::fill(into, std::byte{0});
    given += into.size();
    return IoResult{.status = IoStatus::done, .count = into.size()};
  };
  open(Framing::frame);
  EXPECT_EQ(receive(Deadline::now()), "timed_out");
  EXPECT_EQ(receiver_->counters().bytes_in, given);
  EXPECT_GT(given, 0U);
}

TEST_F(StreamReceiverTest, ADescriptorThatIsReadyForNothingDelaysNoDeadline) {
  write("x");
  script_.read = [](auto) { return IoResult{IoStatus::would_block}; };
  open(Framing::line);
  EXPECT_EQ(receive(Deadline::after(std::chrono::milliseconds(5))), "timed_out");
}

TEST_F(StreamReceiverTest, ClosedReceivesNothing) {
  open(Framing::line);
  write("one\n");
  receiver_->close();
  EXPECT_EQ(receive(Deadline::never()), "closed");
  EXPECT_TRUE(is_readable());
}

}  // namespace
}  // namespace fifomq::core
