// One line at the bottom of a terminal that is drawn anew in place.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/unique_fd.hpp"

namespace fifomq {

// A piece of the line; in ASCII, so that a byte is a column.
struct Segment {
  std::string text;
  bool warns = false;  // stands out where colours are welcome
};

// No colours (https://no-color.org).
bool no_color();

// Used by one thread at a time. Never waits for the terminal: what it does not take now is left
// out.
class TerminalLine {
 public:
  // Nothing where standard error is no terminal that can do this.
  static std::unique_ptr<TerminalLine> on_standard_error();

  explicit TerminalLine(core::UniqueFd terminal);

  // Draws as many of the segments, the first ones before the others, as the terminal is wide. None:
  // takes the line away.
  void show(std::span<const Segment> line);
  // Takes it away for what is to be written in its place,
  void make_way();
  // and draws it again below that.
  void come_back();

 private:
  bool is_ours() const;
  std::string begin() const;
  std::string fitted() const;
  void write(const std::string& text) const;

  const core::UniqueFd terminal_;
  const bool colours_;
  std::vector<Segment> line_;
  bool drawn_ = false;
};

}  // namespace fifomq
