// The sender's pages, held against the stream they stand for: what was added and not cut comes out
// once and in order, however it is taken; and what was spliced into a pipe changes no more.
#include "core/page_queue.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "core/posix.hpp"
#include "core/unique_fd.hpp"
#include "support/random.hpp"

namespace fifomq {
namespace {

using core::kPieceBytes;
using core::PageQueue;

struct CheckedPipe {
  CheckedPipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    from = core::UniqueFd(ends[0]);
    to = core::UniqueFd(ends[1]);
  }

  core::UniqueFd from;
  core::UniqueFd to;
  std::string content;
};

// A queue whose bytes leave through real pipes, and what is known of it: the bytes, and where in
// the stream the messages end. Messages leave with the page that holds their last byte.
class CheckedQueue {
 public:
  explicit CheckedQueue(bool reuses) : reuses_(reuses), pipes_(1) {}

  std::size_t spliced_pages() const { return spliced_; }
  std::size_t memory() const { return memory_.size(); }

  // What comes leaves through another pipe, which may hold less or more; what stands in this one is
  // read later, or now and then.
  void move() {
    if (pipes_.size() > 3) pipes_.pop_front();
    pipes_.emplace_back();
    moved_ = true;
    resize();
  }

  void resize() {
    const auto pages = static_cast<int>(std::uint64_t{1} << random_.between(0, 8));
    // Refused while more than that is in it.
    fcntl(pipes_.back().to.get(), F_SETPIPE_SZ, pages * static_cast<int>(kPieceBytes));
  }

  // Some pieces, between which others leave; cut off half way now and then.
  void message() {
    queue_.use_fresh_pages(random_.one_in(2));
    const PageQueue::Mark mark = queue_.mark();
    const std::uint64_t start = total();
    const std::uint64_t last = random_.one_in(8) ? random_.between(20, 80) : random_.between(0, 3);
    for (std::uint64_t piece = 0; piece < last; ++piece) {
      while (queue_.full() || random_.one_in(6)) take();
      add();
      check();
      ASSERT_EQ(queue_.begun(mark), out_ > start);
      if (random_.one_in(40)) return cut(mark, start);
    }
    const std::uint64_t left_at_once = queue_.end_message();
    ASSERT_EQ(left_at_once, waiting_.empty() && first_page_ == out_ ? 1U : 0U);
    if (left_at_once > 0) return;
    ends_.push_back(total());
    while (random_.one_in(2)) take();
    // Refused after all, while that is still possible.
    if (out_ <= start && !ends_.empty() && random_.one_in(8)) {
      ends_.pop_back();
      cut(mark, start);
    }
  }

  // All that waits leaves, and is read.
  void drain() {
    while (!queue_.empty() && !testing::Test::HasFailure()) take();
    EXPECT_EQ(ends_.size(), 0U);
    for (CheckedPipe& pipe : pipes_) {
      while (!pipe.content.empty() && !testing::Test::HasFailure()) read(pipe);
    }
  }

 private:
  std::uint64_t total() const { return out_ + waiting_.size(); }

  void add() {
    const std::string piece = random_.bytes(random_.one_in(3) ? random_.between(1, kPieceBytes)
                                                              : random_.between(1, 200));
    if (random_.one_in(4)) {
      queue_.add_page([&](std::byte* page) {
        std::memcpy(page, piece.data(), piece.size());
        return piece.size();
      });
    } else if (const auto room = queue_.room_here(); piece.size() <= room.size()) {
      std::memcpy(room.data(), piece.data(), piece.size());
      queue_.add_here(piece.size());
    } else {
      queue_.add(as_byte_view(piece));
    }
    waiting_ += piece;
  }

  void cut(const PageQueue::Mark& mark, std::uint64_t start) {
    if (out_ <= start) {
      waiting_.resize(start - out_);
    } else {
      // What stands in a page of which a part has left stays.
      waiting_.resize(first_page_ < out_ ? queue_.front().size() : 0);
    }
    queue_.cut(mark);
    check();
  }

  void check() const {
    ASSERT_EQ(queue_.empty(), waiting_.empty() && first_page_ == out_);
    ASSERT_LE(queue_.pages(), PageQueue::kMostPages);
    ASSERT_EQ(queue_.full(), queue_.pages() == PageQueue::kMostPages);
    if (queue_.empty()) return;
    ASSERT_EQ(queue_.complete_pages(), queue_.pages() - 1);
    ASSERT_TRUE(waiting_.starts_with(as_text(queue_.front())));
  }

  void take() {
    if (queue_.empty() || random_.one_in(10)) return read();
    const bool last_too = random_.one_in(2);
    if (const auto parts = queue_.spliceable(last_too); !parts.empty()) {
      ASSERT_LE(parts.size(), last_too ? queue_.pages() : queue_.complete_pages());
      splice(parts.first(random_.between(1, parts.size())));
    } else {
      copy();
    }
    check();
  }

  void copy() {
    const ByteView page = queue_.front();
    const std::size_t count = random_.one_in(2) ? page.size() : random_.between(0, page.size());
    const core::IoResult result = core::write_some(pipes_.back().to.get(), page.first(count));
    if (result.status == core::IoStatus::would_block) return read();
    ASSERT_EQ(result.status, core::IoStatus::done);
    left(queue_.copied(result.count), result.count, result.count == page.size());
  }

  void splice(std::span<const iovec> parts) {
    std::string all;
    for (const iovec& part : parts) all.append(static_cast<char*>(part.iov_base), part.iov_len);
    ASSERT_TRUE(waiting_.starts_with(all));
    const int to = pipes_.back().to.get();
    const core::IoResult result = core::splice_some(to, parts);
    if (result.status == core::IoStatus::would_block) return read();
    ASSERT_EQ(result.status, core::IoStatus::done);
    std::size_t bytes = 0;
    for (auto part = parts.begin(); bytes < result.count; ++part, ++spliced_) {
      memory_.insert(part->iov_base);
      bytes += part->iov_len;
    }
    left(queue_.spliced(result.count), result.count, true);
    if (!reuses_) return;
    const auto slots = static_cast<std::size_t>(fcntl(to, F_GETPIPE_SZ)) / kPieceBytes;
    queue_.reuse_read_pages(std::exchange(moved_, false) ? std::nullopt : std::optional(slots));
  }

  // So many bytes are in the pipe now, and with them so many messages have left.
  void left(std::uint64_t messages, std::size_t count, bool whole_pages) {
    pipes_.back().content += waiting_.substr(0, count);
    waiting_.erase(0, count);
    out_ += count;
    if (whole_pages) first_page_ = out_;
    std::uint64_t ended = 0;
    for (; !ends_.empty() && ends_.front() <= first_page_; ++ended) ends_.pop_front();
    ASSERT_EQ(messages, ended);
  }

  void read() { read(random_.one_in(8) ? pipes_.front() : pipes_.back()); }

  void read(CheckedPipe& pipe) {
    std::array<std::byte, 3 * kPieceBytes> some;
    const core::IoResult result =
        core::read_some(pipe.from.get(), std::span(some).first(random_.between(1, some.size())));
    if (result.status == core::IoStatus::would_block) {
      ASSERT_TRUE(pipe.content.empty());
      return;
    }
    ASSERT_EQ(result.status, core::IoStatus::done);
    ASSERT_TRUE(pipe.content.starts_with(as_text(ByteView(some).first(result.count))));
    pipe.content.erase(0, result.count);
  }

  test::Random random_;
  const bool reuses_;
  PageQueue queue_;
  std::deque<CheckedPipe> pipes_;  // what is sent leaves through the last one
  bool moved_ = false;
  std::string waiting_;
  std::size_t spliced_ = 0;       // pages
  std::set<void*> memory_;        // of these
  std::uint64_t out_ = 0;         // bytes that have left
  std::uint64_t first_page_ = 0;  // byte of the stream where the first page begins
  std::deque<std::uint64_t> ends_;
};

TEST(PageQueue, WhatIsAddedLeavesOnceAndInOrder) {
  CheckedQueue queue(false);
  for (int i = 0; i < 5'000 && !testing::Test::HasFailure(); ++i) queue.message();
  queue.drain();
}

// Nothing that waits in any pipe changes, however much these hold.
TEST(PageQueue, PagesThatAreUsedAgainHaveBeenRead) {
  CheckedQueue queue(true);
  test::Random random;
  for (int i = 0; i < 10'000 && !testing::Test::HasFailure(); ++i) {
    if (random.one_in(300)) queue.move();
    if (random.one_in(10)) queue.resize();
    queue.message();
  }
  queue.drain();
  // They have been used again.
  EXPECT_LT(3 * queue.memory(), queue.spliced_pages());
}

// Not a page sooner than it is known to be read, and then it is. Fresh memory is empty.
TEST(PageQueue, APageIsUsedAgainAsSoonAsItHasBeenReadForCertain) {
  constexpr std::size_t kSlabPages = PageQueue::kHugePageBytes / kPieceBytes;
  for (const std::size_t until_read : {std::size_t{0}, std::size_t{16}, kSlabPages - 2,
                                       kSlabPages - 1, kSlabPages, kSlabPages + 1}) {
    PageQueue queue;
    queue.use_fresh_pages(true);
    std::size_t used_again = 0;
    for (std::size_t i = 0; i < 3 * kSlabPages; ++i) {
      queue.add_page([&](std::byte* page) {
        if (std::exchange(*page, std::byte{1}) != std::byte{0}) ++used_again;
        return std::size_t{1};
      });
      queue.spliced(1);
      queue.reuse_read_pages(until_read);
    }
    EXPECT_EQ(used_again, until_read < kSlabPages ? 2 * kSlabPages : 0) << until_read;
  }
}

std::string fill(PageQueue& queue) {
  std::string all;
  for (char c = 'a'; !queue.full(); ++c) {
    const std::string page(kPieceBytes, c);
    queue.add(as_byte_view(page));
    all += page;
  }
  return all;
}

// As long as nothing is spliced, a queue that is empty again and again needs no more than it had.
TEST(PageQueue, MemoryThatWasCopiedFromIsUsedAgain) {
  for (const bool fresh : {false, true}) {
    PageQueue queue;
    queue.use_fresh_pages(fresh);
    std::vector<const std::byte*> first;
    for (int i = 0; i < 100; ++i) {
      const std::string wanted = fill(queue);
      first.push_back(queue.front().data());
      std::string all;
      while (!queue.empty()) {
        all += as_text(queue.front());
        queue.copied(queue.front().size());
      }
      ASSERT_EQ(all, wanted);
    }
    EXPECT_EQ(std::ranges::count(first, first.front()), 100) << fresh;
  }
}

// Also when there is always something that waits, as behind a sender at full speed.
TEST(PageQueue, MemoryThatWasCopiedFromIsUsedAgainWhileOthersWait) {
  PageQueue queue;
  std::string wanted = fill(queue);
  std::string all;
  std::set<const std::byte*> pages;
  for (int i = 0; i < 1'000; ++i) {
    pages.insert(queue.front().data());
    all += as_text(queue.front());
    queue.copied(queue.front().size());
    const std::string page(kPieceBytes, static_cast<char>('a' + i % 26));
    queue.add(as_byte_view(page));
    wanted += page;
  }
  EXPECT_EQ(all, wanted.substr(0, all.size()));
  EXPECT_LE(pages.size(), 2 * PageQueue::kMostPages);
}

// Behind pages that are the pipe's now, a page at a time needs no more than one.
TEST(PageQueue, APageThatWasNotSplicedIsUsedAgainBesideOnesThatWere) {
  PageQueue queue;
  queue.use_fresh_pages(true);
  queue.spliced(fill(queue).size());
  ASSERT_TRUE(queue.empty());
  std::vector<const std::byte*> pages;
  for (int i = 0; i < 2'000; ++i) {
    queue.add(as_byte_view("m"));
    pages.push_back(queue.front().data());
    queue.copied(1);
  }
  EXPECT_EQ(std::ranges::count(pages, pages.front()), 2'000);
}

TEST(PageQueue, OnlyFreshPagesMayBeSpliced) {
  PageQueue queue;
  queue.add(as_byte_view("used again"));
  EXPECT_TRUE(queue.spliceable(true).empty());
  queue.use_fresh_pages(true);
  fill(queue);
  EXPECT_TRUE(queue.spliceable(true).empty()) << "the first one comes first";
  queue.copied(queue.front().size());
  EXPECT_EQ(queue.spliceable(true).size(), PageQueue::kMostPages - 1);
  EXPECT_EQ(queue.spliceable(false).size(), PageQueue::kMostPages - 2);
  queue.copied(1);
  EXPECT_TRUE(queue.spliceable(true).empty()) << "a part of the first one has left";
}

TEST(PageQueue, WhatIsCutIsForgottenAlsoBehindAPageThatIsHalfGone) {
  PageQueue queue;
  queue.add(as_byte_view(std::string(kPieceBytes, 'a')));
  queue.add(as_byte_view("kept"));
  queue.copied(3'000);
  const PageQueue::Mark mark = queue.mark();
  queue.add(as_byte_view("cut"));
  ASSERT_FALSE(queue.begun(mark));
  queue.cut(mark);
  queue.copied(queue.front().size());
  EXPECT_EQ(as_text(queue.front()), "kept");
}

}  // namespace
}  // namespace fifomq
