// One fifomq.v1.Reliable, to bytes and back, as proto/fifomq/v1/reliable.proto has it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <fifomq/message.hpp>

namespace fifomq::zeromq {

inline constexpr std::uint32_t kReliableVersion = 1;

struct Header {
  // What is said is ignored if it is of another kind, which a later version of the protocol may
  // have.
  enum class Kind : std::uint8_t { other, hello, data, gap, ping, welcome, ack, nack, refused };

  Kind kind = Kind::other;
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;
  std::uint64_t epoch = 0;
  std::uint64_t next = 0;
  std::uint64_t credit = 0;  // bytes
  std::uint32_t version = 0;
  std::string reason{};

  friend bool operator==(const Header&, const Header&) = default;
};

// One of kind data with nothing but stream and sequence, neither of which is 0, has this many
// bytes.
inline constexpr std::size_t kDataHeaderBytes = 20;
void write_data_header(std::uint64_t stream, std::uint64_t sequence, std::byte* out);

// Puts it into `out`, whose memory is used again.
void serialize(const Header& header, std::string& out);

// False for what is no header. Skips fields that are not known here.
bool parse(ByteView bytes, Header& header);

}  // namespace fifomq::zeromq
