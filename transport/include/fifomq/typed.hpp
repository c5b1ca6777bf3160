// Messages of generated Protobuf types over any channel. Header-only: whoever includes it links
// Protobuf, the library itself does not (CMake: COMPONENTS typed, target fifomq::typed).
//
// Protobuf's full runtime is needed; types with `optimize_for = LITE_RUNTIME` have no descriptor.
// Threads: as for the channel used; nothing is shared between threads.
// transport/include/fifomq/README.md has an example.
#pragma once

#include <google/protobuf/message.h>

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <fifomq/channel.hpp>
#include <fifomq/error.hpp>
#include <fifomq/typed/wire_walk.hpp>

namespace fifomq {

// A message class that protoc has made.
template <typename T>
concept GeneratedMessage = std::derived_from<T, google::protobuf::Message> &&
    std::default_initializable<T> && std::movable<T>;

// What a payload may become. They stop the payload that is small and decodes to gigabytes, and the
// one that is deep and exhausts the stack.
struct DecodeLimits {
  // Messages inside the outermost one, inside each other. At most 100, where Protobuf itself stops.
  int depth = typed::WireWalk::kMostDepth;
  // Bytes that decoding one message may allocate, as estimated beforehand, from above. The default
  // is room for 64 MiB (the default max_message) of text, bytes, or packed doubles.
  std::uint64_t memory = std::uint64_t{256} << 20;
};

// Sends the message with its full name as type. Waits, and returns, as Sender::send does. The
// message is read only during the call. Throws what Sender::send throws; too_large also from 2 GiB
// on, where Protobuf ends; not_representable when a required field (proto2) is missing.
inline SendResult send(Sender& sender, const google::protobuf::Message& message, Deadline deadline,
                       std::string_view topic = {});

// Decodes a message that has been received. The view is read only during the call. When it throws,
// `message` is as it was:
//   other_message_type  the view names another type; one that names none is taken at its payload,
//                       because foreign framings carry no type
//   undecodable         damage, a required field (proto2) that is missing, a string (proto3) that
//                       is not UTF-8
//   over_decode_limit   the payload would go beyond the limits; nothing has been allocated
//   unsupported         the type holds a MessageSet
// `endpoint` is for the error's text.
template <GeneratedMessage T>
void decode(const MessageView& view, T& message, const DecodeLimits& limits = {},
            std::string_view endpoint = {});

// Waits for a message, and returns, as Receiver::receive does; `message` changes only on
// `received`. Throws what decode throws. The message that was not taken is then gone, is counted as
// received, and the next call gives the next one. For the topic, or to choose among several types
// by MessageView::type, use Receiver::receive and decode.
template <GeneratedMessage T>
ReceiveResult receive(Receiver& receiver, T& message, Deadline deadline,
                      const DecodeLimits& limits = {});

namespace typed {

// Bytes; where Protobuf ends.
inline constexpr std::size_t kMostSerialized = std::numeric_limits<int>::max();

// A thread's buffer for serializing. Taken out while it is in use, because a channel may call a log
// sink, which may send.
class SendBuffer {
 public:
  SendBuffer() { buffer_.swap(spare()); }
  SendBuffer(const SendBuffer&) = delete;
  SendBuffer& operator=(const SendBuffer&) = delete;
  SendBuffer(SendBuffer&&) = delete;
  SendBuffer& operator=(SendBuffer&&) = delete;
  ~SendBuffer() {
    if (buffer_.size() <= kMostKept) buffer_.swap(spare());
  }

  std::string& bytes(std::size_t size) {
    // Never made smaller: to grow again would fill it with zeros again.
    if (buffer_.size() < size) buffer_.resize(size);
    return buffer_;
  }

 private:
  static constexpr std::size_t kMostKept = std::size_t{1} << 20;

  static std::string& spare() {
    thread_local std::string buffer;
    return buffer;
  }

  std::string buffer_;
};

// A name for a required field that is missing. Protobuf's own list of all of them may be a multiple
// of the message.
inline std::string missing_field(const google::protobuf::Message& message) {
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->is_required() && !message.GetReflection()->HasField(message, field)) {
      return "its required field '" + std::string(field->name()) + "' is missing";
    }
  }
  return "a required field of a message inside it is missing";
}

// Which message it is, for an error's text.
inline std::string described(const MessageView& view) {
  if (!view.origin || view.origin->writer == 0) return "a message of an unknown writer";
  return "message " + std::to_string(view.origin->sequence) + " of writer " +
         std::to_string(view.origin->writer);
}

// One received payload on its way to a type.
class Decoding {
 public:
  // Keeps references to both, until it is gone.
  Decoding(const MessageView& view, google::protobuf::Message& fresh, std::string_view endpoint)
      : view_(view),
        fresh_(fresh),
        wanted_(fresh.GetDescriptor()->full_name()),
        endpoint_(endpoint) {}

  // Fills `fresh`. Throws what decode() throws.
  void run(const DecodeLimits& limits) {
    if (!view_.type.empty() && view_.type != wanted_) {
      fail(Errc::other_message_type, described(view_) + " is a " + std::string(view_.type) +
                                         ", where a " + std::string(wanted_) + " is expected");
    }
    check(limits);
    const auto size = static_cast<int>(view_.payload.size());
    if (!fresh_.ParsePartialFromArray(view_.payload.data(), size)) {
      refuse(Errc::undecodable, bytes() + " are damaged, or a string in it is not UTF-8");
    }
    if (!fresh_.IsInitialized()) refuse(Errc::undecodable, missing_field(fresh_));
  }

 private:
  void check(const DecodeLimits& limits) {
    if (view_.payload.size() > kMostSerialized) {
      refuse(Errc::over_decode_limit, bytes() + " are more than Protobuf can decode");
    }
    WireWalk walk(fresh_, limits.depth, limits.memory);
    switch (walk.walk(view_.payload)) {
      case WalkResult::fits:
        return;
      case WalkResult::damaged:
        refuse(Errc::undecodable, bytes() + " are damaged, or something else");
      case WalkResult::too_deep:
        refuse(Errc::over_decode_limit,
               "it holds messages inside each other, deeper than " + std::to_string(limits.depth));
      case WalkResult::too_large:
        refuse(Errc::over_decode_limit, bytes() + " could take more than " +
                                            std::to_string(limits.memory) +
                                            " bytes of memory once decoded");
      case WalkResult::message_set:
        refuse(Errc::unsupported, "there is a MessageSet in it");
    }
  }

  std::string bytes() const {
    return "its " + std::to_string(view_.payload.size()) + " bytes" +
           (view_.type.empty() ? ", which came without a type," : "");
  }

  [[noreturn]] void refuse(Errc code, const std::string& why) const {
    fail(code, described(view_) + " cannot be decoded as " + std::string(wanted_) + ": " + why);
  }

  [[noreturn]] void fail(Errc code, const std::string& sentence) const {
    throw Error(code, std::string(endpoint_), sentence);
  }

  const MessageView& view_;
  google::protobuf::Message& fresh_;
  std::string_view wanted_;
  std::string_view endpoint_;
};

// The serialized size. Throws what makes serializing pointless.
inline std::size_t checked_size(const Sender& sender, const google::protobuf::Message& message) {
  const auto fail = [&](Errc code, const std::string& sentence) {
    throw Error(code, sender.endpoint().text(), sentence);
  };
  const std::string name(message.GetDescriptor()->full_name());
  if (!message.IsInitialized()) {
    fail(Errc::not_representable, "this " + name + " cannot be sent: " + missing_field(message));
  }
  const std::size_t size = message.ByteSizeLong();
  if (size > kMostSerialized) {
    fail(Errc::too_large, "this " + name + " is too large (" + std::to_string(size) +
                              " bytes, and Protobuf serializes less than 2 GiB)");
  }
  return size;
}

}  // namespace typed

inline SendResult send(Sender& sender, const google::protobuf::Message& message, Deadline deadline,
                       std::string_view topic) {
  const std::size_t size = typed::checked_size(sender, message);
  typed::SendBuffer buffer;
  std::string& bytes = buffer.bytes(size);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(bytes.data()));
  return sender.send({.payload = as_byte_view(std::string_view(bytes).substr(0, size)),
                      .topic = topic,
                      .type = message.GetDescriptor()->full_name()},
                     deadline);
}

template <GeneratedMessage T>
void decode(const MessageView& view, T& message, const DecodeLimits& limits,
            std::string_view endpoint) {
  // A new one: what an earlier message had allocated is not kept, and an error changes nothing.
  T fresh;
  typed::Decoding(view, fresh, endpoint).run(limits);
  message = std::move(fresh);
}

template <GeneratedMessage T>
ReceiveResult receive(Receiver& receiver, T& message, Deadline deadline,
                      const DecodeLimits& limits) {
  MessageView view;
  const ReceiveResult result = receiver.receive(view, deadline);
  if (result == ReceiveResult::received) {
    decode(view, message, limits, receiver.endpoint().text());
  }
  return result;
}

}  // namespace fifomq
