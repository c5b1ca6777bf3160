// What the codec costs for each message, in both directions, and the checksum under it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "core/checksum.hpp"
#include "core/frame_decoder.hpp"
#include "core/frame_encoder.hpp"

namespace fifomq {
namespace {

void append(std::string& stream, ByteView piece) { stream += as_text(piece); }

// A stream of about 1 MiB, or of four messages when these are larger.
std::string encoded(std::size_t payload_size, std::size_t& messages) {
  constexpr std::size_t kStreamBytes = std::size_t{1} << 20;
  const std::string payload(payload_size, 'x');
  core::FrameEncoder encoder;
  std::string stream;
  for (messages = 0; messages < 4 || stream.size() < kStreamBytes; ++messages) {
    encoder.begin({.payload = as_byte_view(payload)});
    for (ByteView piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
      append(stream, piece);
    }
  }
  return stream;
}

void count(benchmark::State& state, std::size_t messages, std::size_t size) {
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
  state.SetBytesProcessed(static_cast<std::int64_t>(messages * size));
}

void checksum(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(core::crc32c(as_byte_view(bytes)));
  count(state, static_cast<std::size_t>(state.iterations()), bytes.size());
}
BENCHMARK(checksum)->Arg(16)->Arg(64)->Arg(256)->Arg(1024)->Arg(4096);

void encode(benchmark::State& state) {
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  core::FrameEncoder encoder;
  for (auto _ : state) {
    encoder.begin({.payload = as_byte_view(payload)});
    for (ByteView piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
      benchmark::DoNotOptimize(piece.data());
    }
  }
  count(state, static_cast<std::size_t>(state.iterations()), payload.size());
}
BENCHMARK(encode)->Arg(64)->Arg(1024)->Arg(65536)->Arg(1 << 20);

void decode(benchmark::State& state) {
  constexpr std::size_t kPiece = 65536;
  const auto size = static_cast<std::size_t>(state.range(0));
  std::size_t messages = 0;
  const std::string stream = encoded(size, messages);
  core::FrameDecoder decoder({}, {});
  MessageView message;
  std::size_t received = 0;
  for (auto _ : state) {
    for (std::size_t at = 0; at < stream.size(); at += kPiece) {
      const std::size_t piece = std::min(kPiece, stream.size() - at);
      std::memcpy(decoder.room(kPiece).data(), stream.data() + at, piece);
      decoder.filled(piece);
      while (decoder.next(message)) ++received;
    }
  }
  if (received != messages * static_cast<std::size_t>(state.iterations())) {
    state.SkipWithError("messages are missing");
  }
  count(state, received, size);
}
BENCHMARK(decode)->Arg(64)->Arg(1024)->Arg(65536)->Arg(1 << 20);

}  // namespace
}  // namespace fifomq

BENCHMARK_MAIN();
