#include "publication.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace fifomq::jetstream {
namespace {

constexpr int kHexDigits = 16;

// Mixed so that neither another order nor another distribution gives the same.
std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
  state = (state ^ word) * 0x9E3779B97F4A7C15ULL;
  return state ^ (state >> 32);
}

char* put_hex(char* out, std::uint64_t number) {
  for (int digit = kHexDigits - 1; digit >= 0; --digit) {
    *out++ = "0123456789abcdef"[(number >> (4 * digit)) & 0xF];
  }
  return out;
}

char* put_decimal(char* out, std::uint64_t number) {
  return std::to_chars(out, out + std::numeric_limits<std::uint64_t>::digits10 + 1, number).ptr;
}

}  // namespace

Publication Publication::of(const Origin& id, const core::FrameBody& body, bool in_batch) {
  const std::size_t bytes = in_batch ? body.delimited_size() : body.size();
  auto memory = std::make_unique_for_overwrite<std::byte[]>(bytes);
  if (in_batch) {
    body.write_delimited(memory.get());
  } else {
    body.write(memory.get());
  }
  return {.id = id,
          .memory = std::move(memory),
          .bytes = bytes,
          .room = bytes,
          .length = bytes - body.size()};
}

bool Publication::append(const Publication& one, std::uint64_t most_bytes) {
  const std::uint64_t needed = bytes + one.bytes;
  if (length == 0 || one.length == 0 || needed > most_bytes) return false;
  if (needed > room) {
    room = std::max(needed, std::min(2 * needed, most_bytes));
    auto larger = std::make_unique_for_overwrite<std::byte[]>(room);
    std::memcpy(larger.get(), memory.get(), bytes);
    memory = std::move(larger);
  }
  std::memcpy(memory.get() + bytes, one.memory.get(), one.bytes);
  bytes = needed;
  ++messages;
  others = mix(mix(others, one.id.writer), one.id.sequence);
  return true;
}

ByteView Publication::body() const {
  const ByteView all(memory.get(), bytes);
  return messages == 1 ? all.subspan(length) : all;
}

std::string Publication::text_id() const {
  char text[80];
  char* end = put_hex(text, id.writer);
  *end++ = '-';
  end = put_decimal(end, id.sequence);
  if (messages > 1) {
    *end++ = '+';
    end = put_decimal(end, messages - 1);
    *end++ = '-';
    end = put_hex(end, others);
  }
  return {text, end};
}

MessageHandle Publication::to_message(const std::string& subject, const std::string& reply,
                                      const Publication* after) const {
  const ByteView data = body();
  natsMsg* made = nullptr;
  natsMsg_Create(&made, subject.c_str(), reply.c_str(), reinterpret_cast<const char*>(data.data()),
                 static_cast<int>(data.size()));
  MessageHandle message(made);
  if (!made || natsMsgHeader_Set(made, "Nats-Msg-Id", text_id().c_str()) != NATS_OK) return nullptr;
  if (after != nullptr &&
      natsMsgHeader_Set(made, "Nats-Expected-Last-Msg-Id", after->text_id().c_str()) != NATS_OK) {
    return nullptr;
  }
  return message;
}

}  // namespace fifomq::jetstream
