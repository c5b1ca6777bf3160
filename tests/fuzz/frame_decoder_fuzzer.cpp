// A stream of frames, whole, torn and in fragments, among any bytes: however it is cut, the same
// comes out, and every byte is accounted for.
//
// The input is a recipe, since no mutation finds a checksum: first how to cut and with what limits,
// then one part after the other, each a kind, a size, and so many bytes.
#include <string>
#include <string_view>

#include "core/frame_decoder.hpp"
#include "fuzz/decode.hpp"
#include "support/wire.hpp"

namespace fifomq::test {
namespace {

constexpr std::uint64_t kTightLimit = 300;

class Recipe {
 public:
  Recipe(const std::uint8_t* data, std::size_t size) : bytes_(as_chars(data), size) {}

  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  std::string text(std::size_t size) {
    std::string taken(bytes_.substr(0, size));
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  static const char* as_chars(const std::uint8_t* data) {
    return reinterpret_cast<const char*>(data);
  }

  std::string_view bytes_;
};

std::string fragment(Recipe& recipe, const std::string& payload) {
  const Fragment place{.stream = recipe.byte() % 3U + 1,
                       .message = recipe.byte() % 3U + 1,
                       .total = recipe.byte() * std::uint64_t{4},
                       .offset = recipe.byte()};
  return fragment_frame(place, payload);
}

std::string part(Recipe& recipe) {
  const std::uint8_t kind = recipe.byte();
  std::string content = recipe.text(recipe.byte());
  switch (kind % 8) {
    case 0:
      return content;
    case 1:
      return checked_frame(content);
    case 2:
      return unchecked_frame(content);
    case 3:
      return delimited(checked_body(content));
    case 4:
      return delimited(unchecked_body(content));
    case 5:
      return fragment(recipe, content);
    case 6:
      return checked_frame(content).substr(0, recipe.byte());
    default:
      return varint(recipe.byte() * std::uint64_t{50}) + unchecked_body(payload_field(content));
  }
}

void check(Recipe recipe) {
  const std::uint8_t seed = recipe.byte();
  core::DecoderLimits limits;
  if (seed % 2 == 0) limits = {.max_message = kTightLimit, .reassembly_memory = 2 * kTightLimit};
  std::string stream;
  while (!recipe.empty()) stream += part(recipe);

  core::FrameDecoder at_once(limits);
  core::FrameDecoder in_pieces(limits);
  core::FrameDecoder with_time(
      limits, [](std::string_view text) { require(!text.empty(), "a notice says something"); });
  Pieces pieces(seed, false);
  Pieces timed_pieces(seed, true);
  require_same(decode(at_once, stream, nullptr), decode(in_pieces, stream, &pieces));
  decode(with_time, stream, &timed_pieces);
}

}  // namespace
}  // namespace fifomq::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fifomq::test::check({data, size});
  return 0;
}
