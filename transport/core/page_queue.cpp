#include "core/page_queue.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace fifomq::core {
namespace {

constexpr std::size_t kSmallSlabBytes = 2 * PageQueue::kMostPages * kPieceBytes;

std::byte* map(std::size_t bytes) {
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(at);
}

}  // namespace

Slab::Slab(std::size_t bytes, bool huge) : size_(bytes) {
  if (!huge) {
    begin_ = map(bytes);
    return;
  }
  // Twice as much, of which what stands before and behind an aligned part is given back.
  std::byte* const all = map(2 * bytes);
  const std::size_t before = (bytes - reinterpret_cast<std::uintptr_t>(all) % bytes) % bytes;
  begin_ = all + before;
  if (before > 0) munmap(all, before);
  munmap(begin_ + bytes, bytes - before);
  madvise(begin_, bytes, MADV_HUGEPAGE);
}

Slab::~Slab() { munmap(begin_, size_); }

void PageQueue::add(ByteView piece) {
  if (empty() || kPieceBytes - last().end < piece.size()) start_page();
  Page& page = last();
  std::memcpy(page.data + page.end, piece.data(), piece.size());
  page.end += static_cast<std::uint32_t>(piece.size());
}

void PageQueue::make_room() {
  // What has all left by being copied away is free again.
  if (empty() && !last_slab_spliced_ && slabs_.size() == 1) next_ = 0;
  if (!another_slab()) return;
  slabs_.emplace_back(fresh_ ? kHugePageBytes : kSmallSlabBytes, fresh_);
  last_slab_fresh_ = fresh_;
  last_slab_spliced_ = false;
  spliced_at_.fill(0);
  next_ = 0;
}

// Whether the last one has no page to give at `next_`, where it goes on from its beginning if that
// may be used again.
bool PageQueue::another_slab() {
  if (slabs_.empty() || (fresh_ && !last_slab_fresh_)) return true;
  const std::size_t size = slabs_.back().size();
  if (!last_slab_fresh_) {
    next_ %= size;
    return waits(slabs_.back().begin() + next_);
  }
  // A slab has many more pages than may wait, and they take turns.
  next_ %= size;
  return spliced_at_[next_ / kPieceBytes] > read_;
}

void PageQueue::start_page() {
  make_room();
  ++tail_;
  last() = {.data = slabs_.back().begin() + next_, .fresh = last_slab_fresh_};
  next_ += kPieceBytes;
  while (!slabs_.front().holds(at(head_).data)) slabs_.pop_front();
}

bool PageQueue::waits(const std::byte* data) const {
  for (std::uint64_t page = head_; page < tail_; ++page) {
    if (at(page).data == data) return true;
  }
  return false;
}

PageQueue::Mark PageQueue::mark() const {
  if (empty()) return {.page = tail_, .end = 0, .messages = 0};
  const Page& page = at(tail_ - 1);
  return {.page = tail_ - 1, .end = page.end, .messages = page.messages};
}

bool PageQueue::begun(const Mark& mark) const {
  const std::uint32_t front_begin = empty() ? 0 : at(head_).begin;
  if (head_ == mark.page) return front_begin > mark.end;
  if (head_ == mark.page + 1) return left_end_ > mark.end || front_begin > 0;
  return head_ > mark.page;
}

void PageQueue::cut(const Mark& mark) {
  // The first page that may be forgotten as a whole.
  std::uint64_t first = mark.end == 0 ? mark.page : mark.page + 1;
  if (first <= head_) first = !empty() && at(head_).begin > 0 ? head_ + 1 : head_;
  if (first < tail_) tail_ = first;
  const bool mark_left = head_ == mark.page && !empty() && at(head_).begin > mark.end;
  if (!empty() && tail_ - 1 == mark.page && !mark_left) {
    last().end = mark.end;
    last().messages = mark.messages;
  }
}

ByteView PageQueue::front() const {
  const Page& page = at(head_);
  return {page.data + page.begin, page.data + page.end};
}

std::uint64_t PageQueue::drop_front() {
  const Page& page = at(head_++);
  left_end_ = page.end;
  return page.messages;
}

std::uint64_t PageQueue::copied(std::size_t count) {
  Page& page = at(head_);
  page.begin += static_cast<std::uint32_t>(count);
  if (page.begin < page.end) return 0;
  // Taken last and not spliced, it is the next one.
  if (pages() == 1 && page.data + kPieceBytes == slabs_.back().begin() + next_) {
    next_ -= kPieceBytes;
  }
  return drop_front();
}

std::span<iovec> PageQueue::spliceable(bool last_too) {
  const std::size_t most = last_too ? pages() : complete_pages();
  std::size_t count = 0;
  for (; count < most; ++count) {
    const Page& page = at(head_ + count);
    if (!page.fresh || page.begin > 0) break;
    parts_[count] = {page.data, page.end};
  }
  return std::span(parts_).first(count);
}

std::uint64_t PageQueue::spliced(std::size_t count) {
  last_slab_spliced_ = true;
  std::uint64_t messages = 0;
  while (count > 0) {
    const Page& page = at(head_);
    ++spliced_;
    if (slabs_.back().holds(page.data)) {
      spliced_at_[static_cast<std::size_t>(page.data - slabs_.back().begin()) / kPieceBytes] =
          spliced_;
    }
    count -= page.end;
    messages += drop_front();
  }
  return messages;
}

void PageQueue::reuse_read_pages(std::optional<std::size_t> pages_until_read) {
  if (!pages_until_read) {
    // Of this slab none is given any more.
    spliced_at_.fill(std::numeric_limits<std::uint64_t>::max());
  } else if (spliced_ > *pages_until_read) {
    read_ = std::max(read_, spliced_ - *pages_until_read);
  }
}

}  // namespace fifomq::core
