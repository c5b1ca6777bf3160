// Reads a pipe without taking anything out of it.
//
// tee(2) copies from the head of a pipe, always from the head: what was read before comes again in
// front of what is new, and is skipped unread. What is copied are references to the pipe's pages,
// no bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/posix.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::fifo {

// How many bytes stand in a pipe.
std::uint64_t bytes_in_pipe(int pipe);

// Takes `count` bytes out of a pipe, or as many as are there: so many.
std::uint64_t discard(int pipe, std::uint64_t count);

class PipePeek {
 public:
  // On a descriptor that reads the pipe and stays the caller's. Nothing where the system does not
  // let us, with the reason in errno.
  static std::optional<PipePeek> open(int pipe);

  // What was not read yet, without waiting. no_room: more stands in the pipe, and our copy of it
  // has no room for that.
  core::IoResult read(std::span<std::byte> into);
  // How much of that stands in our copy.
  std::uint64_t ahead() const { return ahead_; }
  // How much of the pipe was not read yet.
  std::uint64_t backlog() const;
  // Takes what lies before that place, in bytes from where reading began. True when there was any.
  bool take_until(std::uint64_t place);
  // All that stands in the pipe has been read, and it has no room for more.
  bool full();
  // How many bytes somebody else took out of the pipe, as far as it was noticed.
  std::uint64_t stolen() const { return stolen_; }

 private:
  PipePeek(int pipe, core::UniqueFd out, core::UniqueFd in);

  std::uint64_t window() const { return seen_ - taken_; }
  core::IoResult look();
  core::IoResult copy();
  void match_capacity();
  void empty_copy(std::uint64_t count) { discard(out_.get(), count); }

  int pipe_;
  core::UniqueFd out_;  // of a pipe of our own
  core::UniqueFd in_;
  std::uint64_t ahead_ = 0;  // bytes that stand in it and were not read
  std::uint64_t seen_ = 0;   // places in the stream: what was read ends,
  std::uint64_t taken_ = 0;  // and what stands in the pipe begins
  std::uint64_t stolen_ = 0;
};

}  // namespace fifomq::fifo
