// What travels through a channel: MessageView borrows, Message owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fifomq {

// Bytes that somebody else owns.
using ByteView = std::span<const std::byte>;

// The bytes of the text, which must outlive the view.
inline ByteView as_byte_view(std::string_view text) { return std::as_bytes(std::span(text)); }

// The bytes as text, not looked at: whether they are UTF-8 is not known. They must outlive the
// view.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Who wrote a message first, and which of that writer's messages it is. Relays keep it, so a gap
// shows wherever the message ends up.
struct Origin {
  std::uint64_t writer = 0;    // random, one for each opened sender; 0 = unknown
  std::uint64_t sequence = 0;  // 1, 2, 3 ... for each writer

  // The same writer and the same number, so the same message.
  friend bool operator==(const Origin&, const Origin&) = default;
};

// A message that somebody else owns. From Receiver::receive it is valid until the next call on that
// receiver; Sender::send reads it only during the call.
struct MessageView {
  ByteView payload{};        // may be empty; at most max_message bytes
  std::string_view topic{};  // UTF-8, at most 1 KiB
  std::string_view
      type{};  // full name of the Protobuf message in the payload, at most 1 KiB; may be empty
  // Absent: the sender stamps its own (a service sends like this). Present: sent on as it is, also
  // when it is unknown (a relay sends like this). A received message always has one.
  std::optional<Origin> origin{};
  std::uint64_t sent_unix_nanos = 0;  // wall clock; 0 = not stamped
  std::uint32_t hops = 0;             // relays passed so far
  ByteView unknown_fields{};  // serialized fields of a later version, at most 1 KiB, carried along
};

// A message that owns its bytes, for whoever keeps one longer than a MessageView lives.
struct Message {
  std::vector<std::byte> payload;         // as in MessageView
  std::string topic;                      // as in MessageView
  std::string type;                       // as in MessageView
  std::optional<Origin> origin;           // as in MessageView
  std::uint64_t sent_unix_nanos = 0;      // as in MessageView
  std::uint32_t hops = 0;                 // as in MessageView
  std::vector<std::byte> unknown_fields;  // as in MessageView

  Message() = default;
  // Copies all that the view shows.
  explicit Message(const MessageView& view)
      : payload(view.payload.begin(), view.payload.end()),
        topic(view.topic),
        type(view.type),
        origin(view.origin),
        sent_unix_nanos(view.sent_unix_nanos),
        hops(view.hops),
        unknown_fields(view.unknown_fields.begin(), view.unknown_fields.end()) {}

  // Valid as long as this message lives unchanged.
  MessageView view() const {
    return {.payload = payload,
            .topic = topic,
            .type = type,
            .origin = origin,
            .sent_unix_nanos = sent_unix_nanos,
            .hops = hops,
            .unknown_fields = unknown_fields};
  }
};

}  // namespace fifomq
