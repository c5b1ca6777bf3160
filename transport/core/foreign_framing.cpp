#include "core/foreign_framing.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "core/varint.hpp"

namespace fifomq::core {
namespace {

constexpr std::byte kNewline{'\n'};

std::uint64_t read_number(ByteView bytes, bool big_endian) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto digit = static_cast<std::uint64_t>(bytes[big_endian ? i : bytes.size() - 1 - i]);
    number = number << 8 | digit;
  }
  return number;
}

MessageView foreign_message(ByteView payload, std::string_view topic) {
  return {.payload = payload, .topic = topic, .type = {}, .origin = Origin{}};
}

}  // namespace

std::size_t LengthPrefix::least_bytes() const {
  return framing == Framing::varint ? 1 : framing == Framing::u16be ? 2 : 4;
}

std::uint64_t LengthPrefix::largest() const {
  if (framing == Framing::varint) return std::numeric_limits<std::uint64_t>::max();
  return framing == Framing::u16be ? 0xFFFF : 0xFFFF'FFFF;
}

LengthPrefix::Parsed LengthPrefix::parse(ByteView bytes) const {
  if (framing == Framing::varint) {
    ByteView rest = bytes;
    std::uint64_t size = 0;
    switch (take_varint(rest, size)) {
      case TakeStatus::taken:
        return {Parsed::whole, bytes.size() - rest.size(), size};
      case TakeStatus::incomplete:
        return {Parsed::incomplete, bytes.size() + 1, 0};
      case TakeStatus::invalid:
        return {Parsed::invalid, 0, 0};
    }
  }
  const std::size_t width = least_bytes();
  if (bytes.size() < width) return {Parsed::incomplete, width, 0};
  return {Parsed::whole, width, read_number(bytes.first(width), framing != Framing::u32le)};
}

std::size_t LengthPrefix::write(std::uint64_t size, std::span<std::byte> out) const {
  if (framing == Framing::varint) {
    return static_cast<std::size_t>(put_varint(out.data(), size) - out.data());
  }
  const std::size_t width = least_bytes();
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t shift = 8 * (framing == Framing::u32le ? i : width - 1 - i);
    out[i] = static_cast<std::byte>(size >> shift);
  }
  return width;
}

LengthDecoder::LengthDecoder(Framing framing, const DecoderLimits& limits, std::string topic)
    : Decoder(limits.frame_timeout), prefix_{framing}, limits_(limits), topic_(std::move(topic)) {}

bool LengthDecoder::next(MessageView& message) {
  while (skip_refused() && !unread().empty()) {
    const auto [status, prefix_bytes, size] = prefix_.parse(unread());
    if (status == LengthPrefix::Parsed::invalid) {
      ++counters_.frames_damaged;
      skip(1);
      continue;
    }
    if (status == LengthPrefix::Parsed::whole && size > limits_.max_message) {
      ++counters_.messages_received;
      ++counters_.too_large;
      skip(prefix_bytes);
      to_skip_ = size;
      continue;
    }
    if (status == LengthPrefix::Parsed::incomplete || size > unread().size() - prefix_bytes) {
      if (silent()) give_up();
      return false;
    }
    message = foreign_message(unread().subspan(prefix_bytes, size), topic_);
    ++counters_.messages_received;
    ++counters_.messages_delivered;
    counters_.bytes_in_messages += prefix_bytes + size;
    use(prefix_bytes + size);
    return true;
  }
  return false;
}

// True when nothing of a refused message is left to come.
bool LengthDecoder::skip_refused() {
  const auto here = std::min<std::uint64_t>(to_skip_, unread().size());
  skip(here);
  to_skip_ -= here;
  if (silent()) to_skip_ = 0;
  return to_skip_ == 0;
}

// Its writer is gone or stuck; the next byte begins another message.
void LengthDecoder::give_up() {
  ++counters_.frames_damaged;
  skip(unread().size());
}

std::uint64_t LengthDecoder::wanted(std::uint64_t messages) const {
  std::uint64_t first = prefix_.least_bytes();
  if (to_skip_ > 0) {
    first = to_skip_;
  } else if (!unread().empty()) {
    const auto [status, prefix_bytes, size] = prefix_.parse(unread());
    const std::uint64_t end = prefix_bytes + size;
    first = end > unread().size() ? end - unread().size() : 1;
  }
  return first + (messages - 1) * prefix_.least_bytes();
}

LineDecoder::LineDecoder(const DecoderLimits& limits, std::string topic)
    : Decoder(limits.frame_timeout), limits_(limits), topic_(std::move(topic)) {}

bool LineDecoder::next(MessageView& message) {
  if (ended() && unread().empty()) refusing_ = false;
  while (!unread().empty()) {
    const ByteView bytes = unread();
    const auto found =
        std::find(bytes.begin() + static_cast<std::ptrdiff_t>(searched_), bytes.end(), kNewline);
    const auto size = static_cast<std::size_t>(found - bytes.begin());
    const bool line_ended = found != bytes.end();
    searched_ = line_ended ? 0 : size;
    if (refusing_ || size > limits_.max_message) {
      refuse(size + (line_ended ? 1 : 0));
      refusing_ = !line_ended && !ended();
      continue;
    }
    if (!line_ended && !ended()) return false;
    message = foreign_message(bytes.first(size), topic_);
    ++counters_.messages_received;
    ++counters_.messages_delivered;
    const std::size_t used = size + (line_ended ? 1 : 0);
    counters_.bytes_in_messages += used;
    use(used);
    searched_ = 0;
    return true;
  }
  return false;
}

void LineDecoder::refuse(std::size_t count) {
  if (!refusing_) {
    ++counters_.messages_received;
    ++counters_.too_large;
  }
  skip(count);
  searched_ = 0;
}

ByteDecoder::ByteDecoder(const DecoderLimits& limits, std::string topic)
    : Decoder(limits.frame_timeout), topic_(std::move(topic)) {}

bool ByteDecoder::next(MessageView& message) {
  if (unread().empty()) return false;
  message = foreign_message(unread().first(1), topic_);
  ++counters_.messages_received;
  ++counters_.messages_delivered;
  ++counters_.bytes_in_messages;
  use(1);
  return true;
}

const char* ForeignEncoder::refuse(ByteView payload) const {
  switch (framing_) {
    case Framing::line:
      return std::ranges::find(payload, kNewline) == payload.end()
                 ? nullptr
                 : "it holds a newline, which framing=line cannot carry";
    case Framing::byte:
      return payload.size() == 1 ? nullptr : "framing=byte carries payloads of exactly one byte";
    default:
      return payload.size() <= LengthPrefix{framing_}.largest()
                 ? nullptr
                 : "its payload is larger than the framing's length can say";
  }
}

bool ForeignEncoder::begin(const MessageView& message) {
  refusal_ = refuse(message.payload);
  if (refusal_ != nullptr) return false;
  ByteBuffer& out = start();
  if (framing_ != Framing::line && framing_ != Framing::byte) {
    std::array<std::byte, kMaxVarintBytes> prefix{};
    out.append(
        ByteView(prefix).first(LengthPrefix{framing_}.write(message.payload.size(), prefix)));
  }
  out.append(message.payload);
  if (framing_ == Framing::line) out.append(ByteView(&kNewline, 1));
  return true;
}

}  // namespace fifomq::core
