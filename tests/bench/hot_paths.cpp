// Runs one hot path so many times, for instructions_test.py to count its instructions:
//   hot_paths PATH SIZE COUNT
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/transport.hpp>

#include "conformance/suite.hpp"
#include "core/checksum.hpp"
#include "core/frame_decoder.hpp"
#include "core/frame_encoder.hpp"

namespace fifomq {
namespace {

using Path = std::function<void(const std::string& payload, std::size_t count)>;

void checksum(const std::string& payload, std::size_t count) {
  std::uint32_t state = core::kCrcStart;
  for (std::size_t i = 0; i < count; ++i) {
    state = core::crc_extend(state, as_byte_view(payload));
  }
  std::cout << core::crc_finish(state) << '\n';
}

void encode(const std::string& payload, std::size_t count) {
  core::FrameEncoder encoder;
  for (std::size_t i = 0; i < count; ++i) {
    encoder.begin({.payload = as_byte_view(payload)});
    while (!encoder.next_piece().empty()) {
    }
  }
}

// The way of messages that are gathered.
void put_whole(const std::string& payload, std::size_t count) {
  core::FrameEncoder encoder;
  std::vector<std::byte> page(core::kPieceBytes);
  for (std::size_t i = 0; i < count; ++i) {
    encoder.put_whole({.payload = as_byte_view(payload)}, page);
  }
}

// The same bytes again and again, so that what is counted is the decoder.
void decode(const std::string& payload, std::size_t count) {
  core::FrameEncoder encoder;
  std::string stream;
  std::size_t messages = 0;
  for (; stream.size() < 60'000; ++messages) {
    encoder.begin({.payload = as_byte_view(payload)});
    for (auto piece = encoder.next_piece(); !piece.empty(); piece = encoder.next_piece()) {
      stream += as_text(piece);
    }
  }
  core::FrameDecoder decoder{{}};
  MessageView message;
  for (std::size_t done = 0; done < count; done += messages) {
    std::memcpy(decoder.room(stream.size()).data(), stream.data(), stream.size());
    decoder.filled(stream.size());
    while (decoder.next(message)) {
    }
  }
}

// Through a real pipe, one thread: so many in, so many out.
void fifo(const std::string& payload, std::size_t count) {
  constexpr std::size_t kAtOnce = 40;
  const conformance::TemporaryFolder folder;
  const Registry registry = builtin_transports();
  const std::string endpoint = "fifo:" + folder.path() + "/pipe?coalesce=no&capacity=1MiB";
  const auto receiver = registry.open_receiver(endpoint);
  const auto sender = registry.open_sender(endpoint);
  MessageView message;
  for (std::size_t done = 0; done < count; done += kAtOnce) {
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      sender->send({.payload = as_byte_view(payload)}, Deadline::never());
    }
    for (std::size_t i = 0; i < kAtOnce; ++i) receiver->receive(message, Deadline::never());
  }
}

void parse_endpoint(const std::string&, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) Endpoint::parse("fifo:/run/app/in?framing=line&topic=a");
}

const std::map<std::string, Path>& paths() {
  static const std::map<std::string, Path> kPaths{
      {"checksum", checksum}, {"encode", encode}, {"put_whole", put_whole},
      {"decode", decode},     {"fifo", fifo},     {"parse_endpoint", parse_endpoint}};
  return kPaths;
}

}  // namespace
}  // namespace fifomq

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto path = words.size() == 3 ? fifomq::paths().find(words[0]) : fifomq::paths().end();
  if (path == fifomq::paths().end()) {
    std::cerr << "usage: hot_paths PATH SIZE COUNT\n";
    return 2;
  }
  path->second(std::string(std::stoul(words[1]), 'x'), std::stoul(words[2]));
  return 0;
}
