// Writes 0, 1, ... 255, 0 ... into a FIFO, one byte each interval. See README.md.
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "byte_counter.hpp"

namespace byte_counter {
namespace {

using std::chrono::nanoseconds;

constexpr std::string_view kUsage =
    "Usage: byte_counter_writer [PATH] [--interval INTERVAL] [--count N]\n"
    "Writes the bytes 0, 1, ... 255, 0 ... into the FIFO at PATH, one each interval. Waits for a\n"
    "reader before the first.\n"
    "\n"
    "  PATH                 the FIFO, which must exist (default: ./fifo)\n"
    "  --interval INTERVAL  a whole number and its unit, ns, us, ms, s or min; 0 is as fast as it\n"
    "                       goes (default: 1s)\n"
    "  --count N            end after N bytes (default: go on for ever)\n"
    "  -h, --help           print this and exit\n"
    "\n"
    "Exit status: 0 all N bytes are written, 1 the reader has left or the run failed, 2 the path "
    "or\n"
    "an option is wrong.\n";

struct Options {
  std::string path;
  nanoseconds interval = std::chrono::seconds(1);
  std::optional<std::uint64_t> count;
};

// The number that `text` begins with, and what follows it.
std::optional<std::pair<std::uint64_t, std::string_view>> leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(rest - text.data())));
}

std::optional<nanoseconds> unit_called(std::string_view name) {
  using namespace std::chrono_literals;
  if (name == "ns") return 1ns;
  if (name == "us") return 1us;
  if (name == "ms") return 1ms;
  if (name == "s") return 1s;
  if (name == "min") return 1min;
  return std::nullopt;
}

nanoseconds parse_interval(std::string_view text) {
  const auto parsed = leading_number(text);
  if (parsed && parsed->first == 0 && parsed->second.empty()) return nanoseconds::zero();
  const auto unit = parsed ? unit_called(parsed->second) : std::nullopt;
  if (!unit) {
    throw Problem(kCannotStart,
                  "--interval wants a whole number and a unit (ns, us, ms, s, min), "
                  "as in 250ms, or 0, and cannot take '" +
                      std::string(text) + "'");
  }
  // Half the range, because the clock's own reading is added to it.
  const auto most = static_cast<std::uint64_t>(nanoseconds::max() / *unit / 2);
  if (parsed->first > most) {
    throw Problem(kCannotStart, "--interval '" + std::string(text) + "' is longer than a century");
  }
  return *unit * static_cast<nanoseconds::rep>(parsed->first);
}

std::uint64_t parse_count(std::string_view text) {
  const auto parsed = leading_number(text);
  if (parsed && parsed->second.empty()) return parsed->first;
  throw Problem(kCannotStart, "--count wants a whole number, as in 10, and cannot take '" +
                                  std::string(text) + "'");
}

Options parse(int argc, char** argv) {
  constexpr std::array<option, 4> kOptions{{{"help", no_argument, nullptr, 'h'},
                                            {"interval", required_argument, nullptr, 'i'},
                                            {"count", required_argument, nullptr, 'c'},
                                            {}}};
  Options options;
  while (true) {
    const int answer = ::getopt_long(argc, argv, "h", kOptions.data(), nullptr);
    if (answer == -1) break;
    if (answer == 'i') {
      options.interval = parse_interval(optarg);
    } else if (answer == 'c') {
      options.count = parse_count(optarg);
    } else {
      help_or_refuse(answer, kUsage);
    }
  }
  options.path = path_argument(argc, argv);
  return options;
}

void write_byte(const Descriptor& fifo, std::uint8_t byte, const std::string& path) {
  const char raw = static_cast<char>(byte);
  if (write_all(fifo.get(), {&raw, 1})) return;
  if (errno == EPIPE) {
    throw Problem(kFailedRun, "the reader of '" + path + "' has left, so byte " +
                                  std::to_string(byte) + " could not be written");
  }
  throw Problem(kFailedRun, "cannot write to '" + path + "': " + text_of(errno));
}

void count_up(const Descriptor& fifo, const Options& options) {
  using Clock = std::chrono::steady_clock;
  auto next = Clock::now();
  for (std::uint64_t written = 0; written != options.count; ++written) {
    std::this_thread::sleep_until(next);
    next = Clock::now() + options.interval;
    const auto byte = static_cast<std::uint8_t>(written);  // 255 is followed by 0
    write_byte(fifo, byte, options.path);
    print(std::to_string(byte) + " written to the fifo\n");
  }
}

}  // namespace
}  // namespace byte_counter

int main(int argc, char** argv) {
  using namespace byte_counter;
  return run("byte_counter_writer", [&] {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is then an error we can explain
    const Options options = parse(argc, argv);
    count_up(open_fifo(options.path, kWritingEnd), options);
  });
}
