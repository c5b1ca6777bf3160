// Prints every byte that comes out of a FIFO. See README.md.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "byte_counter.hpp"

namespace byte_counter {
namespace {

constexpr std::string_view kUsage =
    "Usage: byte_counter_reader [PATH]\n"
    "Prints every byte that comes out of the FIFO at PATH, until its last writer has left.\n"
    "\n"
    "  PATH        the FIFO, created with mode 0600 if nothing is there (default: ./fifo)\n"
    "  -h, --help  print this and exit\n"
    "\n"
    "Exit status: 0 the last writer has left, 1 the run failed, 2 the path or an option is "
    "wrong.\n";

std::string parse(int argc, char** argv) {
  constexpr std::array<option, 2> kOptions{{{"help", no_argument, nullptr, 'h'}, {}}};
  const int answer = ::getopt_long(argc, argv, "h", kOptions.data(), nullptr);
  if (answer != -1) help_or_refuse(answer, kUsage);
  return path_argument(argc, argv);
}

void create_unless_there(const std::string& path) {
  // A chmod afterwards would leave a moment in which a writer finds the FIFO and is refused.
  const mode_t callers_mask = ::umask(0);
  const int created = ::mkfifo(path.c_str(), S_IRUSR | S_IWUSR);
  const int error = errno;
  ::umask(callers_mask);
  if (created == 0 || error == EEXIST) return;
  throw unusable(path, kReadingEnd,
                 error == ENOENT && !path.empty() ? "the directory it would be in does not exist"
                                                  : what_failed(path, error));
}

void print_bytes(const Descriptor& fifo, const std::string& path) {
  constexpr std::size_t kBatch = 4096;
  std::array<unsigned char, kBatch> batch{};
  std::string text;
  while (true) {
    const auto size = uninterrupted([&] { return ::read(fifo.get(), batch.data(), batch.size()); });
    if (size == 0) return;
    if (size < 0) throw Problem(kFailedRun, "cannot read from '" + path + "': " + text_of(errno));
    text.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
      text += "read : " + std::to_string(batch.at(i)) + '\n';
    }
    print(text);
  }
}

}  // namespace
}  // namespace byte_counter

int main(int argc, char** argv) {
  using namespace byte_counter;
  return run("byte_counter_reader", [&] {
    const std::string path = parse(argc, argv);
    create_unless_there(path);
    print_bytes(open_fifo(path, kReadingEnd), path);
  });
}
