#include "terminal_line.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace fifomq {
namespace {

constexpr std::string_view kBetween = "  ";
constexpr std::size_t kUsualColumns = 80;
constexpr std::string_view kEraseToEnd = "\x1b[K";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kPlain = "\x1b[0m";

bool understands_escapes() {
  const char* const name = std::getenv("TERM");
  return name != nullptr && *name != '\0' && std::string_view(name) != "dumb";
}

// Asked each time: people change the size of their windows.
std::size_t columns_of(const core::UniqueFd& terminal) {
  winsize size{};
  if (ioctl(terminal.get(), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualColumns;
  return size.ws_col;
}

}  // namespace

bool no_color() { return std::getenv("NO_COLOR") != nullptr; }

// An open file of its own, which alone does not wait: the terminal is shared with other programs.
std::unique_ptr<TerminalLine> TerminalLine::on_standard_error() {
  if (isatty(STDERR_FILENO) == 0 || !understands_escapes()) return nullptr;
  core::UniqueFd terminal(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!terminal) return nullptr;
  return std::make_unique<TerminalLine>(std::move(terminal));
}

TerminalLine::TerminalLine(core::UniqueFd terminal)
    : terminal_(std::move(terminal)), colours_(!no_color()) {}

void TerminalLine::show(std::span<const Segment> line) {
  if (line.empty()) make_way();
  line_.assign(line.begin(), line.end());
  come_back();
}

void TerminalLine::make_way() {
  if (std::exchange(drawn_, false) && is_ours()) write(begin() + std::string(kEraseToEnd));
}

void TerminalLine::come_back() {
  // A job in the background leaves the terminal to whoever works there.
  if (line_.empty() || !is_ours()) return;
  drawn_ = true;
  write(begin() + fitted() + std::string(kEraseToEnd));
}

// What the terminal took only a part of may have ended in colour.
std::string TerminalLine::begin() const { return "\r" + std::string(colours_ ? kPlain : ""); }

// Whether this process is in the terminal's foreground, or the terminal controls nobody here.
bool TerminalLine::is_ours() const {
  const pid_t foreground = tcgetpgrp(terminal_.get());
  return foreground < 0 || foreground == getpgrp();
}

// The last column stays free: some terminals go on to the next line behind it.
std::string TerminalLine::fitted() const {
  std::size_t room = columns_of(terminal_) - 1;
  std::string text;
  for (const auto& [words, warns] : line_) {
    const std::size_t width = words.size() + (text.empty() ? 0 : kBetween.size());
    if (width > room) continue;
    room -= width;
    if (!text.empty()) text += kBetween;
    const bool colour = warns && colours_;
    if (colour) text += kYellow;
    text += words;
    if (colour) text += kPlain;
  }
  return text;
}

void TerminalLine::write(const std::string& text) const {
  [[maybe_unused]] const auto written = ::write(terminal_.get(), text.data(), text.size());
}

}  // namespace fifomq
