// One source of a receiver, with the decoder of its bytes and what was handed out of them.
#pragma once

#include <cstdint>
#include <memory>

#include "core/byte_source.hpp"
#include "core/decoder.hpp"

namespace fifomq::core {

struct Inlet {
  std::uint64_t number = 0;
  std::unique_ptr<ByteSource> source{};
  std::unique_ptr<Decoder> decoder{};
  bool left = false;  // by all its writers, when it was read last

  // Where bytes stay in the source until they are taken:
  std::uint64_t uncommitted = 0;  // messages that were handed out
  std::uint64_t floor = 0;        // of the last one committed; see CommitLog

  // Takes what nobody needs any more. True when there was any.
  bool take() const {
    return source->take_until(uncommitted == 0 ? decoder->needed_from() : floor);
  }

  // Takes all, for a source that is full of what is half done, so that the rest of it can come:
  // from then on that stands nowhere but here. False when there was none.
  bool take_half_done() const {
    decoder->gone_until(decoder->read_to());
    return source->take_until(decoder->read_to());
  }

  // Its writers have left, and nothing of what they wrote is needed any more.
  bool done() const { return left && uncommitted == 0 && !decoder->waiting(); }
};

}  // namespace fifomq::core
