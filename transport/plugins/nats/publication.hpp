// What becomes one NATS message: a frame, or with batch=SIZE several, each with its length in
// front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <fifomq/message.hpp>

#include "core/frame_body.hpp"
#include "nats_handles.hpp"

namespace fifomq::jetstream {

struct Publication {
  Origin id{};                 // of the first message; writer and sequence are unique
  std::uint64_t messages = 1;  // frames
  std::uint64_t others = 0;    // what the ids of all but the first come to
  std::unique_ptr<std::byte[]> memory{};
  std::uint64_t bytes = 0;  // of memory that are written
  std::uint64_t room = 0;   // of memory
  std::size_t length = 0;   // bytes of the length in front of the first frame; 0 = it has none

  // Lengths are written `in_batch`.
  static Publication of(const Origin& id, const core::FrameBody& body, bool in_batch);

  // Puts a single one behind what is here; false where both together would be larger, or one of
  // them has no length in front.
  bool append(const Publication& one, std::uint64_t most_bytes);

  // A frame that is alone stands there as it does without batch=.
  ByteView body() const;

  // The same in every process that sends these messages again in one piece, and another one for any
  // other messages: Nats-Msg-Id.
  std::string text_id() const;

  // `after` may be null: to be stored directly behind that one, or not at all. Null when libnats
  // has no memory.
  MessageHandle to_message(const std::string& subject, const std::string& reply,
                           const Publication* after) const;
};

}  // namespace fifomq::jetstream
