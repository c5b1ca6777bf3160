// The program's log: lines on standard error, for people, for machines, or for the journal. What is
// said again and again is said once a second, with how often.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include <fifomq/log.hpp>

#include "terminal_line.hpp"

namespace fifomq {

enum class LogFormat { text, json };

// Throws ConfigError, with `where` in front.
LogFormat log_format(const std::string& where, const std::string& name);

// Shows a line below all that is said, in place of the one before; none takes it away.
using ShowLine = std::function<void(std::span<const Segment> line)>;

class Log {
 public:
  Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  Log(Log&&) = delete;
  Log& operator=(Log&&) = delete;
  ~Log();  // says what it has kept back

  // `quiet`: nothing but warnings and errors.
  void configure(LogFormat format, bool quiet);

  // May be called from several threads, and outlive this.
  LogSink sink() const;

  // As the sink, once it is configured. Nothing where no terminal can show a line, where only
  // warnings are wanted, and in JSON, which is for programs.
  ShowLine status_line() const;
  // Takes that line away for good, for a process that ends at once. From any thread; waits a moment
  // at most, since whoever writes here may wait for a terminal that is stopped.
  std::function<void()> status_line_end() const;

  // The last word of a run that failed: in text the bare sentence, as from every program.
  void error(const std::string& sentence);

 private:
  class Lines;

  std::shared_ptr<Lines> lines_;
};

}  // namespace fifomq
