// One source of a receiver, with the decoder of its bytes and what was handed out of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/byte_source.hpp"
#include "core/decoder.hpp"
#include "core/half_done_file.hpp"

namespace fifomq::core {

struct Inlet {
  std::uint64_t number = 0;
  std::unique_ptr<ByteSource> source{};
  std::unique_ptr<Decoder> decoder{};
  bool left = false;  // by all its writers, when it was read last

  // Where bytes stay in the source until they are taken:
  std::uint64_t uncommitted = 0;  // messages that were handed out
  std::uint64_t floor = 0;        // of the last one committed; see CommitLog

  Counters counters() const {
    Counters all = decoder->counters();
    all.backlog_bytes = source->backlog();
    return all;
  }

  // For what is half done when the source is full of it, where there is a place for that. What was
  // kept by an earlier process came before the source's first byte, and was so many bytes.
  std::optional<HalfDoneFile> half_done{};
  std::uint64_t restored = 0;

  // Takes what nobody needs any more. True when there was any.
  bool take() {
    if (half_done && uncommitted == 0 && !decoder->has_kept()) half_done->clear();
    return take_until(uncommitted == 0 ? decoder->needed_from() : floor);
  }

  // Takes all, for a source that is full of what is half done, so that the rest of it can come:
  // from then on that stands here, and in the file if there is one. False when there was none, or
  // the file has no room.
  bool take_half_done() {
    const std::uint64_t place = decoder->read_to();
    if (half_done) {
      ByteBuffer bytes;
      decoder->write_half_done(bytes);
      if (!half_done->keep(bytes.view())) return false;
      decoder->kept_until(place);
    } else {
      decoder->gone_until(place);
    }
    return take_until(place);
  }

  // Before the source is read: what an earlier process has kept has been looked at by now.
  void settle_restored() const {
    if (restored != 0 && decoder->read_to() == restored) decoder->kept_until(restored);
  }

  bool take_until(std::uint64_t place) const {
    return place > restored && source->take_until(place - restored);
  }

  // Its writers have left, and nothing of what they wrote is needed any more.
  bool done() const { return left && uncommitted == 0 && !decoder->waiting(); }
};

}  // namespace fifomq::core
