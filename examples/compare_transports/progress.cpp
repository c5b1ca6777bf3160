#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace compare {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr const char* kClearLine = "\r\033[K";

}  // namespace

Progress::Progress() : shown_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ && begun_ > 0) std::cerr << kClearLine << std::flush;
}

void Progress::step(const std::string& what) {
  ++begun_;
  if (!shown_) return;
  const std::size_t done = begun_ - 1;
  const std::size_t filled =
      std::min(kBarWidth, done * kBarWidth / std::max<std::size_t>(expected_, 1));
  std::cerr << kClearLine << '[' << std::string(filled, '#') << std::string(kBarWidth - filled, ' ')
            << "] " << done << '/' << expected_ << ' ' << what << std::flush;
}

}  // namespace compare
