#include "record.hpp"

#include <array>
#include <cstring>

#include "core/checksum.hpp"
#include "core/varint.hpp"

namespace fifomq::spool {
namespace {

// No UTF-8 text contains these bytes.
constexpr std::array<std::byte, 4> kSync = {std::byte{0xF5}, std::byte{0x53}, std::byte{0xF6},
                                            std::byte{0xFE}};

// What a head is made of: sync bytes, checksum, size of the body.
constexpr std::size_t kCheckAt = kSync.size();
constexpr std::size_t kSizeAt = kCheckAt + sizeof(std::uint32_t);
static_assert(kSizeAt + sizeof(std::uint64_t) == kHeadBytes);

std::uint32_t checksum(Place place, std::uint64_t body_size) {
  std::array<std::byte, sizeof place.salt + sizeof place.position + sizeof body_size> bytes;
  std::byte* out = core::put_word(bytes.data(), place.salt);
  out = core::put_word(out, place.position);
  core::put_word(out, body_size);
  return core::crc32c(bytes);
}

}  // namespace

void write_head(std::byte* out, Place place, std::uint64_t body_size) {
  std::memcpy(out, kSync.data(), kSync.size());
  core::put_word(out + kCheckAt, checksum(place, body_size));
  core::put_word(out + kSizeAt, body_size);
}

std::optional<std::uint64_t> read_head(ByteView bytes, Place place) {
  std::uint32_t check = 0;
  std::uint64_t size = 0;
  if (std::memcmp(bytes.data(), kSync.data(), kSync.size()) != 0) return std::nullopt;
  std::memcpy(&check, bytes.data() + kCheckAt, sizeof check);
  std::memcpy(&size, bytes.data() + kSizeAt, sizeof size);
  if (check != checksum(place, size)) return std::nullopt;
  return size;
}

std::size_t skip_to_head(ByteView bytes) {
  const ByteView rest = bytes.subspan(1);
  const void* const found = memmem(rest.data(), rest.size(), kSync.data(), kSync.size());
  if (found != nullptr) {
    return static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
  }
  // The last of them may be the front of one.
  return bytes.size() - std::min(rest.size(), kSync.size() - 1);
}

}  // namespace fifomq::spool
