// Frames put together by hand, so that tests can make what our own writer never would.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/checksum.hpp"
#include "core/frame.hpp"
#include "core/varint.hpp"

namespace fifomq::test {

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

inline std::string varint(std::uint64_t value) {
  std::array<std::byte, core::kMaxVarintBytes> bytes{};
  const std::byte* end = core::put_varint(bytes.data(), value);
  return std::string(as_text(ByteView(bytes).first(static_cast<std::size_t>(end - bytes.data()))));
}

template <typename Word>
std::string word(Word value) {
  std::array<std::byte, sizeof(Word)> bytes{};
  core::put_word(bytes.data(), value);
  return std::string(as_text(bytes));
}

inline std::string tag(unsigned number, unsigned wire_type) {
  return varint(number << 3 | wire_type);
}
inline std::string bytes_field(unsigned number, std::string_view bytes) {
  return tag(number, 2) + varint(bytes.size()) + std::string(bytes);
}
inline std::string varint_field(unsigned number, std::uint64_t value) {
  return tag(number, 0) + varint(value);
}
inline std::string payload_field(std::string_view payload) { return bytes_field(15, payload); }

// What a foreign writer needs: sync, and then fields in any order.
inline std::string unchecked_body(std::string_view fields) {
  return std::string(core::kFrameBeginning) + std::string(fields);
}
inline std::string checked_body(std::string_view fields) {
  return std::string(core::kFrameBeginning) + "\x15" + word(core::crc32c(as_byte_view(fields))) +
         std::string(fields);
}

inline std::string delimited(std::string_view body) {
  return varint(body.size()) + std::string(body);
}

inline std::string body_of(const core::Frame& frame) {
  std::string body(core::body_size(frame), '\0');
  core::write_body(frame, std::as_writable_bytes(std::span(body)).data());
  return body;
}

inline std::string checked_frame(std::string_view payload) {
  return delimited(checked_body(payload_field(payload)));
}
inline std::string unchecked_frame(std::string_view payload) {
  return delimited(unchecked_body(payload_field(payload)));
}

struct Fragment {
  std::uint32_t stream = 1;
  std::uint64_t message = 1;
  std::uint64_t total = 0;
  std::uint64_t offset = 0;
};
// With an empty payload: the message is cancelled.
inline std::string fragment_frame(const Fragment& fragment, std::string_view payload) {
  return delimited(body_of({.stream = fragment.stream,
                            .fragment_of = fragment.message,
                            .total_size = fragment.total,
                            .offset = fragment.offset,
                            .payload = as_byte_view(payload)}));
}

}  // namespace fifomq::test
