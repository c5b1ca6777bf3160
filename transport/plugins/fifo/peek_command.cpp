#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include <fifomq/error.hpp>

#include "core/file_lock.hpp"
#include "core/posix.hpp"
#include "core/shown_payload.hpp"
#include "fifo_commands.hpp"
#include "fifo_path.hpp"
#include "pipe_peek.hpp"

namespace fifomq::fifo {
namespace {

constexpr std::size_t kShown = 32;  // bytes of a payload

// For a terminal, which it leaves alone.
std::string printable(std::string_view text) {
  std::string shown(text);
  std::ranges::replace_if(
      shown, [](char c) { return c < 0x20 || c >= 0x7F; }, '.');
  return shown.empty() ? "-" : shown;
}

std::string hex_beginning_of(ByteView payload) {
  std::ostringstream hex;
  for (const std::byte byte : payload.first(std::min(payload.size(), kShown))) {
    hex << std::hex << std::setw(2) << std::setfill('0') << std::to_integer<int>(byte);
  }
  return hex.str();
}

// Its beginning, or all of it where somebody knows how to show that.
std::string text_of_payload(const MessageView& message, const ShowPayload& show) {
  if (show) return core::shown_line(show(message));
  return printable(as_text(message.payload.first(std::min(message.payload.size(), kShown))));
}

std::string text_line(const MessageView& message, const ShowPayload& show) {
  const Origin origin = message.origin.value_or(Origin{});
  std::ostringstream line;
  line << std::hex << std::setw(16) << std::setfill('0') << origin.writer << std::dec
       << std::setfill(' ') << std::setw(10) << origin.sequence << std::setw(10)
       << message.payload.size() << "  " << printable(message.topic) << "  "
       << printable(message.type) << "  " << text_of_payload(message, show);
  return line.str();
}

nlohmann::ordered_json known(std::uint64_t number) {
  if (number == 0) return nullptr;
  return number;
}

std::string json_line(const MessageView& message, const ShowPayload& show) {
  const Origin origin = message.origin.value_or(Origin{});
  nlohmann::ordered_json line;
  line["writer"] = known(origin.writer);
  line["sequence"] = known(origin.sequence);
  line["topic"] = message.topic;
  line["type"] = message.type;
  line["size"] = message.payload.size();
  line["first_bytes"] = hex_beginning_of(message.payload);
  std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (show) text.insert(text.size() - 1, "," + core::shown_members(show(message)));
  return text;
}

bool is_json(const CommandCall& call) {
  const auto given = call.options.find("format");
  if (given == call.options.end() || given->second == "text") return false;
  if (given->second == "json") return true;
  throw Error(Errc::invalid_option, call.argument, "--format " + given->second + ": text or json");
}

// Whether some process has the FIFO open, or may have for all that we are allowed to see.
bool may_be_open(const core::UniqueFd& handle) {
  if (core::lock_owner(handle) > 0) return true;
  struct stat fifo {};
  if (fstat(handle.get(), &fifo) != 0) return true;
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    if (!std::isdigit(static_cast<unsigned char>(process.path().filename().native()[0]))) continue;
    std::error_code hidden;
    for (const auto& fd : std::filesystem::directory_iterator(process.path() / "fd", hidden)) {
      struct stat status {};
      const bool same = stat(fd.path().c_str(), &status) == 0 && status.st_dev == fifo.st_dev &&
                        status.st_ino == fifo.st_ino;
      const bool ours = same && fd.path() == std::filesystem::path("/proc") /
                                                 std::to_string(getpid()) / "fd" /
                                                 std::to_string(handle.get());
      if (same && !ours) return true;
    }
    if (hidden == std::errc::permission_denied) return true;
  }
  return false;
}

// All that stands in the pipe now. A pipe that nobody has open holds nothing; to open it would let
// in writers that wait for a reader, and what they write would be gone with us.
std::vector<std::byte> contents(const FifoOptions& options) {
  const core::UniqueFd handle = locate_existing(options);
  if (!handle) throw Error(Errc::not_found, options.endpoint, options.path + " does not exist");
  if (!may_be_open(handle)) return {};
  const core::UniqueFd reader = open_located(handle, O_RDONLY);
  if (!reader) throw core::system_error(errno, options.endpoint, "open " + options.path);
  std::optional<PipePeek> peek = PipePeek::open(reader.get());
  if (!peek) throw core::system_error(errno, options.endpoint, "look into the pipe (tee)");
  std::vector<std::byte> bytes(std::size_t{64} << 10);
  std::size_t size = 0;
  while (peek->ahead() > 0) {
    bytes.resize(size + peek->ahead());
    size += peek->read(std::span(bytes).subspan(size)).count;
  }
  bytes.resize(size);
  return bytes;
}

void print_sum(const Counters& counters, bool json) {
  if (json) {
    std::cout << nlohmann::ordered_json{{"backlog_bytes", counters.bytes_in},
                                        {"backlog_messages", counters.messages_delivered},
                                        {"half_messages", counters.messages_pending},
                                        {"bytes_skipped", counters.bytes_skipped}}
                     .dump()
              << '\n';
    return;
  }
  std::cout << counters.bytes_in << " bytes wait, " << counters.messages_delivered << " messages";
  if (counters.messages_pending > 0) std::cout << ", " << counters.messages_pending << " half done";
  if (counters.bytes_skipped > 0) std::cout << ", " << counters.bytes_skipped << " bytes damaged";
  std::cout << '\n';
}

}  // namespace

int run_peek(const CommandCall& call) {
  const bool json = is_json(call);
  const FifoOptions options = command_options(call);
  const std::vector<std::byte> bytes = contents(options);
  const auto decoder = core::make_decoder(options.framing, options.limits, options.topic, {});
  std::ranges::copy(bytes, decoder->room(bytes.size()).begin());
  decoder->filled(bytes.size());
  decoder->source_empty(Deadline::Clock::now());  // what follows is not waited for
  MessageView message;
  while (decoder->next(message)) {
    std::cout << (json ? json_line(message, call.show_payload)
                       : text_line(message, call.show_payload))
              << '\n';
  }
  print_sum(decoder->counters(), json);
  return 0;
}

}  // namespace fifomq::fifo
