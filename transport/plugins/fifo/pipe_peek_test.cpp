// Looking into a real pipe without taking anything out of it.
#include "pipe_peek.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "support/random.hpp"

namespace fifomq::fifo {
namespace {

using core::IoStatus;

class PipePeekTest : public testing::Test {
 protected:
  PipePeekTest() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    out_ = core::UniqueFd(ends[0]);
    in_ = core::UniqueFd(ends[1]);
    open();
  }

  void open() { peek_.emplace(std::move(PipePeek::open(out_.get()).value())); }
  // Returns how much of it went in.
  std::size_t write(std::string_view bytes) {
    const auto count = ::write(in_.get(), bytes.data(), bytes.size());
    if (count > 0) written_ += bytes.substr(0, static_cast<std::size_t>(count));
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  // As much as is new, in reads of that size.
  void read_all(std::size_t at_once) {
    std::string bytes(at_once, '\0');
    while (true) {
      const auto result = peek_->read(std::as_writable_bytes(std::span(bytes)));
      if (result.status != IoStatus::done) {
        last_ = result.status;
        return;
      }
      read_ += bytes.substr(0, result.count);
    }
  }
  int standing() const {
    int bytes = -1;
    ioctl(out_.get(), FIONREAD, &bytes);
    return bytes;
  }

  core::UniqueFd out_;
  core::UniqueFd in_;
  std::optional<PipePeek> peek_;
  std::string written_;
  std::string read_;
  IoStatus last_ = IoStatus::done;
};

TEST_F(PipePeekTest, TheBacklogIsWhatWasNotReadYet) {
  EXPECT_EQ(peek_->backlog(), 0U);
  write("one");
  read_all(2);
  write("three");
  EXPECT_EQ(peek_->backlog(), 5U);
  read_all(100);
  EXPECT_EQ(peek_->backlog(), 0U);
  peek_->take_until(3);
  write("of");
  EXPECT_EQ(peek_->backlog(), 2U);
  discard(out_.get(), 10);  // somebody else
  EXPECT_EQ(peek_->backlog(), 0U);
}

TEST_F(PipePeekTest, WhatIsReadStays) {
  write("one");
  read_all(2);
  write("two");
  read_all(100);
  EXPECT_EQ(read_, "onetwo");
  EXPECT_EQ(last_, IoStatus::would_block);
  EXPECT_EQ(standing(), 6);
}

TEST_F(PipePeekTest, WhatStoodThereBeforeIsRead) {
  write("before");
  open();
  read_all(100);
  EXPECT_EQ(read_, "before");
}

TEST_F(PipePeekTest, TakesExactlyWhatIsAskedFor) {
  write("onetwothree");
  read_all(100);
  EXPECT_TRUE(peek_->take_until(3));
  EXPECT_FALSE(peek_->take_until(2));
  EXPECT_FALSE(peek_->take_until(3));
  EXPECT_EQ(standing(), 8);
  open();
  read_.clear();
  read_all(100);
  EXPECT_EQ(read_, "twothree");
}

TEST_F(PipePeekTest, FullIsWhenNoPageIsLeft) {
  const std::string page(4096, 'p');
  EXPECT_FALSE(peek_->full());
  while (write(page) > 0) {
    EXPECT_FALSE(peek_->full()) << "it was not read";
    read_all(10'000);
    if (written_.size() < 15 * page.size()) {
      EXPECT_FALSE(peek_->full());
    }
  }
  EXPECT_TRUE(peek_->full());
  peek_->take_until(4095);
  EXPECT_TRUE(peek_->full()) << "a byte keeps a page";
  peek_->take_until(4096);
  EXPECT_FALSE(peek_->full());
}

// Few bytes may fill a pipe: each buffer has its own page.
TEST_F(PipePeekTest, ManySmallBuffersFillItToo) {
  std::array<char, 1> byte{'x'};
  const iovec part{byte.data(), byte.size()};
  int buffers = 0;
  while (vmsplice(in_.get(), &part, 1, SPLICE_F_NONBLOCK) == 1) ++buffers;
  EXPECT_EQ(buffers, 16);
  read_all(100);
  EXPECT_EQ(read_.size(), 16U);
  EXPECT_TRUE(peek_->full());
  peek_->take_until(1);
  EXPECT_FALSE(peek_->full());
}

TEST_F(PipePeekTest, FollowsAPipeThatGrows) {
  ASSERT_GT(fcntl(in_.get(), F_SETPIPE_SZ, 8192), 0);
  open();
  const std::string page(4096, 'p');
  while (write(page) > 0) {
  }
  read_all(10'000);
  ASSERT_GT(fcntl(in_.get(), F_SETPIPE_SZ, 1 << 18), 0);
  while (write(page) > 0) {
  }
  read_all(10'000);
  EXPECT_EQ(read_, written_);
  EXPECT_TRUE(peek_->full());
}

TEST_F(PipePeekTest, NoticesThatSomebodyElseTookBytes) {
  write("stolen");
  read_all(100);
  std::array<char, 4> thief{};
  ASSERT_EQ(::read(out_.get(), thief.data(), thief.size()), 4);
  read_all(100);
  EXPECT_EQ(peek_->stolen(), 4U);
  write("more");
  read_all(100);
  EXPECT_EQ(read_, "stolenmore");
  EXPECT_TRUE(peek_->take_until(read_.size()));
  EXPECT_EQ(standing(), 0);
}

TEST_F(PipePeekTest, NoticesItTooWhenItTakesWhatIsGone) {
  write("stolen");
  read_all(100);
  discard(out_.get(), 4);  // somebody else
  EXPECT_TRUE(peek_->take_until(6));
  EXPECT_EQ(peek_->stolen(), 4U);
}

// Writes, reads and takes of any size, in any order: buffers that are partly taken, partly seen.
TEST_F(PipePeekTest, AnyOrderOfWritesReadsAndTakes) {
  test::Random random;
  std::size_t taken = 0;
  for (int step = 0; step < 20'000; ++step) {
    switch (random.between(0, 2)) {
      case 0:
        write(random.bytes(random.between(1, random.one_in(5) ? 9'000 : 60)));
        break;
      case 1:
        read_all(random.between(1, 9'000));
        ASSERT_EQ(read_.size(), written_.size());
        break;
      default:
        taken += random.between(0, read_.size() - taken);
        peek_->take_until(taken);
        ASSERT_EQ(static_cast<std::size_t>(standing()), written_.size() - taken);
    }
  }
  EXPECT_TRUE(read_ == written_.substr(0, read_.size()));
}

}  // namespace
}  // namespace fifomq::fifo
