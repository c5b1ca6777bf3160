// The program's log: lines on standard error, for people, for machines, or for the journal. What is
// said again and again is said once a second, with how often.
#pragma once

#include <memory>
#include <string>

#include <fifomq/log.hpp>

namespace fifomq {

enum class LogFormat { text, json };

// Throws ConfigError, with `where` in front.
LogFormat log_format(const std::string& where, const std::string& name);

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

  // The last word of a run that failed: in text the bare sentence, as from every program.
  void error(const std::string& sentence);

 private:
  class Lines;

  std::shared_ptr<Lines> lines_;
};

}  // namespace fifomq
