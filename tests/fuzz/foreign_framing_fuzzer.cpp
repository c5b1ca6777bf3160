// Any bytes as a stream of each foreign framing: however it is cut, the same comes out, and every
// byte is accounted for. What comes out goes in again.
#include <array>
#include <string>

#include "core/framing.hpp"
#include "fuzz/decode.hpp"

namespace fifomq::test {
namespace {

constexpr auto kFramings =
    std::to_array({core::Framing::varint, core::Framing::u16be, core::Framing::u32be,
                   core::Framing::u32le, core::Framing::line, core::Framing::byte});
constexpr std::uint64_t kTightLimit = 20;

std::string encode(core::Framing framing, const std::vector<std::string>& payloads) {
  const auto encoder = core::make_encoder(framing);
  std::string stream;
  for (const std::string& payload : payloads) {
    require(encoder->begin({.payload = as_byte_view(payload)}), "what came out can go in");
    for (auto piece = encoder->next_piece(); !piece.empty(); piece = encoder->next_piece()) {
      stream += as_text(piece);
    }
  }
  return stream;
}

void check(std::uint8_t choice, std::string_view stream) {
  const core::Framing framing = kFramings[choice % kFramings.size()];
  core::DecoderLimits limits;
  if (choice % 2 == 0) limits.max_message = kTightLimit;
  const auto decoder = [&] { return core::make_decoder(framing, limits, "topic", {}); };

  Pieces pieces(choice, false);
  Pieces timed_pieces(choice, true);
  const Decoded at_once = decode(*decoder(), stream, nullptr);
  require_same(at_once, decode(*decoder(), stream, &pieces));
  decode(*decoder(), stream, &timed_pieces);

  for (const std::string& payload : at_once.payloads) {
    require(payload.size() <= limits.max_message, "a payload keeps to the limit");
  }
  const Decoded again = decode(*decoder(), encode(framing, at_once.payloads), nullptr);
  require(again.payloads == at_once.payloads, "what goes in comes out");
  require(again.counters.bytes_skipped == 0, "and nothing beside it");
}

}  // namespace
}  // namespace fifomq::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  fifomq::test::check(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
