// What a sender has accepted and the kernel has not taken yet: pieces of a byte stream, packed into
// pages.
//
// A page that was spliced into a pipe is the pipe's from then on, and nobody may write to it again
// (vmsplice(2)). So memory that may be spliced is never used twice: it comes from fresh slabs of
// 2 MiB, which are unmapped once all their pages have left. A slab of which nothing was spliced is
// used again. Where all readers are known to copy, so is a page that was read: see
// reuse_read_pages.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include <fifomq/message.hpp>

#include "core/encoder.hpp"

namespace fifomq::core {

// Anonymous memory, unmapped in the end.
class Slab {
 public:
  // `huge`: aligned so that the kernel can back it with one huge page, and asked to.
  // Throws std::bad_alloc.
  Slab(std::size_t bytes, bool huge);
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  Slab(Slab&&) = delete;
  Slab& operator=(Slab&&) = delete;

  std::byte* begin() const { return begin_; }
  std::size_t size() const { return size_; }
  bool holds(const std::byte* at) const { return at >= begin_ && at < begin_ + size_; }

 private:
  std::byte* begin_ = nullptr;
  std::size_t size_;
};

class PageQueue {
 public:
  static constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
  // How many pages may wait; add() needs room for one more.
  static constexpr std::size_t kMostPages = 32;

  // A place in the queue, for cut().
  struct Mark {
    std::uint64_t page;
    std::uint32_t end;
    std::uint32_t messages;
  };

  bool empty() const { return pages() == 0; }
  bool full() const { return pages() == kMostPages; }
  // Pages that wait; the last one may get more.
  std::size_t pages() const { return static_cast<std::size_t>(tail_ - head_); }
  // How many pages stand before the last one.
  std::size_t complete_pages() const { return empty() ? 0 : pages() - 1; }

  // Copies a piece of at most kPieceBytes to the end, all of it into one page. Not when full().
  void add(ByteView piece);
  // Memory for one more page, so that the next add() needs none. Throws std::bad_alloc.
  void make_room();
  // The room behind the last piece on its page; add_here() says that a piece of that size was put
  // there.
  std::span<std::byte> room_here() {
    if (empty()) return {};
    return {last().data + last().end, last().data + kPieceBytes};
  }
  void add_here(std::size_t size) { last().end += static_cast<std::uint32_t>(size); }
  // The same for a piece that `fill` puts into a page of its own; it returns how many bytes, and
  // with none there is no such page.
  template <typename Fill>
  bool add_page(const Fill& fill) {
    start_page();
    last().end = static_cast<std::uint32_t>(fill(last().data));
    if (last().end > 0) return true;
    take_back_page();
    return false;
  }
  // The piece added last was a message's last one. How many messages have thereby left: one that
  // has no pieces leaves with what stands before it.
  std::uint64_t end_message() {
    if (empty()) return 1;
    ++last().messages;
    return 0;
  }

  Mark mark() const;
  // Whether anything behind the mark has left.
  bool begun(const Mark& mark) const;
  // Forgets what is behind the mark and has not begun to leave; what stands in a page of which a
  // part has left stays.
  void cut(const Mark& mark);

  // What leaves next: the rest of the first page.
  ByteView front() const;
  // `count` bytes of front() have been copied away. How many messages have now left for good.
  std::uint64_t copied(std::size_t count);

  // Leading whole pages that may be spliced, at most kMostPages; empty unless `fresh_pages` was
  // asked for in time.
  std::span<iovec> spliceable(bool last_too);
  // Whole pages with `count` bytes in all were spliced away. How many messages have now left.
  std::uint64_t spliced(std::size_t count);
  // From now on pages are taken from memory that is used once, so that they may be spliced.
  void use_fresh_pages(bool fresh) { fresh_ = fresh; }
  // Spliced pages are used again once they have been read; whoever kept one would see it change.
  // To be called after each splice: as soon as so many more have been spliced, a page is read for
  // certain. Absent: of all pages spliced so far nobody will ever know.
  void reuse_read_pages(std::optional<std::size_t> pages_until_read);

 private:
  struct Page {
    std::byte* data = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t messages = 0;  // whose last piece is here
    bool fresh = false;
  };

  Page& at(std::uint64_t index) { return ring_[index % kMostPages]; }
  const Page& at(std::uint64_t index) const { return ring_[index % kMostPages]; }
  Page& last() { return at(tail_ - 1); }
  void start_page();
  bool another_slab();
  bool waits(const std::byte* data) const;
  void take_back_page() {
    --tail_;
    next_ -= kPieceBytes;
  }
  std::uint64_t drop_front();

  std::array<Page, kMostPages> ring_;
  std::uint64_t head_ = 0;      // pages that have left
  std::uint64_t tail_ = 0;      // pages ever begun
  std::deque<Slab> slabs_;      // the last one gives pages
  std::uint32_t left_end_ = 0;  // how far the page filled that left last
  std::size_t next_ = 0;        // byte of the last slab where the next page begins
  bool fresh_ = false;
  bool last_slab_fresh_ = false;
  bool last_slab_spliced_ = false;
  std::uint64_t spliced_ = 0;  // pages
  std::uint64_t read_ = 0;     // so many of these have been read
  // Of each page of the last slab: how many had been spliced with it when it was spliced last; 0:
  // it never was.
  std::array<std::uint64_t, kHugePageBytes / kPieceBytes> spliced_at_{};
  std::array<iovec, kMostPages> parts_;
};

}  // namespace fifomq::core
