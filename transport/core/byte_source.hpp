// Where a receiver's bytes come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/posix.hpp"
#include "core/readiness.hpp"

namespace fifomq::core {

// Used by the receiver's thread only. Places are counted in bytes from the first one that was read.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource(ByteSource&&) = delete;
  ByteSource& operator=(ByteSource&&) = delete;
  virtual ~ByteSource() = default;

  // Lets `readiness` know what to wait for. Called once, before the first read.
  virtual void attach(Readiness& readiness) = 0;

  // Never waits. no_peer: nothing is there, nor anybody who could write more of what is half done.
  virtual IoResult read(std::span<std::byte> into) = 0;

  // Called before waiting. While something is half done, the source is to become readable as soon
  // as nobody is left who could write its rest, if it can tell.
  virtual void watch_writers(bool /*half_done*/) {}

  // The source that has taken this one's place, once there is one. Asked for every second or so,
  // and whenever the receiver was woken and found nothing. This one is read on, until read() says
  // no_peer.
  virtual std::unique_ptr<ByteSource> successor() { return nullptr; }

  // How many bytes wait to be read, if it can tell.
  virtual std::uint64_t backlog() const { return 0; }

  // For a source that can be read without taking anything out of it; watched with EPOLLET, since it
  // stays readable.
  //
  // Takes out what lies before that place, if it is still there. True when there was any.
  virtual bool take_until(std::uint64_t /*place*/) { return false; }
  // All that is there has been read, and nobody can write more before some of it is taken.
  virtual bool full() { return false; }
};

}  // namespace fifomq::core
