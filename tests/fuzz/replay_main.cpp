// fuzz_NAME FILE_OR_FOLDER...: runs a fuzz target without libFuzzer, over each file, over
// beginnings of it, and over copies with one bit flipped.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fuzz/target.hpp"

// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the sanitizers' name
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

namespace fs = std::filesystem;

// Evenly spread over a file that is larger.
constexpr std::size_t kMostVariants = 1024;

// What runs now; read when the target dies.
std::array<char, 512> running{};

void tell_what_ran() {
  const auto* end = std::ranges::find(running, '\0');
  const auto ignored =
      ::write(STDERR_FILENO, running.data(), static_cast<std::size_t>(end - running.begin()));
  static_cast<void>(ignored);
}

void run(const std::string& bytes, const std::string& what) {
  std::snprintf(running.data(), running.size(), "\nfailed: %s\n", what.c_str());
  // In memory of exactly this size, so that AddressSanitizer sees a read beyond the end.
  const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
  std::ranges::copy(bytes, copy.get());
  LLVMFuzzerTestOneInput(copy.get(), bytes.size());
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error(path.string() + " cannot be read");
  return bytes;
}

std::size_t replay(const fs::path& path) {
  const std::string bytes = read_file(path);
  const std::string name = path.string();
  run(bytes, name);
  std::size_t runs = 1;
  const std::size_t prefix_step = bytes.size() / kMostVariants + 1;
  for (std::size_t size = 0; size < bytes.size(); size += prefix_step, ++runs) {
    run(bytes.substr(0, size), name + ", its first " + std::to_string(size) + " bytes");
  }
  // Odd, so that all eight bits have their turn.
  const std::size_t bit_step = 8 * bytes.size() / kMostVariants | 1;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += bit_step, ++runs) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    run(flipped, name + ", bit " + std::to_string(bit % 8) + " of byte " + std::to_string(bit / 8) +
                     " flipped");
  }
  return runs;
}

std::vector<fs::path> files_below(const fs::path& given) {
  if (!fs::is_directory(given)) return {given};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(given)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(tell_what_ran);
  for (const int signal : {SIGABRT, SIGSEGV, SIGILL, SIGFPE}) {
    std::signal(signal, [](int number) {
      tell_what_ran();
      std::signal(number, SIG_DFL);
      std::raise(number);
    });
  }
  try {
    std::size_t files = 0;
    std::size_t runs = 0;
    for (int i = 1; i < argc; ++i) {
      const auto found = files_below(argv[i]);
      if (found.empty()) throw std::runtime_error(std::string(argv[i]) + " holds no file");
      for (const fs::path& file : found) runs += replay(file);
      files += found.size();
    }
    if (files == 0) throw std::runtime_error("name at least one file or folder");
    std::cout << files << " files, " << runs << " runs\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << "\n";
    tell_what_ran();
    return 2;
  }
}
