#include "log.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "config_error.hpp"
#include "core/suggest.hpp"

namespace fifomq {
namespace {

using Clock = std::chrono::steady_clock;
using Level = spdlog::level::level_enum;

constexpr std::chrono::seconds kBetweenRepeats{1};
constexpr std::chrono::milliseconds kMoment{100};
constexpr std::chrono::milliseconds kTry{5};
// So many different lines are remembered; a program has no more that it repeats.
constexpr std::size_t kMostRemembered = 64;

// Whether standard error leads to the journal: sd-daemon(3), JOURNAL_STREAM in systemd.exec(5).
bool is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
         std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

std::string priority(Level level) {
  if (level >= spdlog::level::err) return "<3>";
  return level == spdlog::level::warn ? "<4>" : "<6>";
}

// Bytes that are no UTF-8 are replaced, not thrown over.
std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string name_of(Level level) {
  const auto name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

}  // namespace

LogFormat log_format(const std::string& where, const std::string& name) {
  constexpr std::array<std::string_view, 2> kNames{"text", "json"};
  if (name == kNames[0]) return LogFormat::text;
  if (name == kNames[1]) return LogFormat::json;
  throw ConfigError(where + ": there is no log format '" + name + "'" +
                    core::suggestion(name, kNames));
}

class Log::Lines {
 public:
  Lines()
      : journal_(is_journal()),
        logger_("fifomq",
                std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
                    no_color() ? spdlog::color_mode::never : spdlog::color_mode::automatic)),
        status_line_(TerminalLine::on_standard_error()) {
    configure(LogFormat::text, false);
  }

  void configure(LogFormat format, bool quiet) {
    const std::lock_guard lock(mutex_);
    format_ = format;
    logger_.set_level(quiet ? spdlog::level::warn : spdlog::level::info);
    // The journal knows the time and the program by itself.
    std::string pattern = "%v";
    if (!journal_) {
      pattern = format == LogFormat::text
                    ? "%n: %^%l%$: %v"
                    : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})";
    }
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
  }

  void say(Level level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (!logger_.should_log(level)) return;
    const auto now = Clock::now();
    const auto found = std::ranges::find_if(
        said_, [&](const Said& said) { return said.level == level && said.text == text; });
    std::uint64_t count = 1;
    if (found != said_.end()) {
      if (now - found->when < kBetweenRepeats) {
        ++found->kept_back;
        return say_kept_back(now - kBetweenRepeats);
      }
      count += found->kept_back;
      said_.erase(found);
    }
    say_kept_back(now - kBetweenRepeats);
    if (said_.size() == kMostRemembered) say_first_again();
    said_.push_back({.level = level, .text = std::string(text), .when = now});
    write(level, text, count);
  }

  void say_all_kept_back() {
    const std::lock_guard lock(mutex_);
    say_kept_back(Clock::time_point::max());
  }

  bool can_show_line() {
    const std::lock_guard lock(mutex_);
    return status_line_ && format_ == LogFormat::text && logger_.should_log(Level::info);
  }

  void show(std::span<const Segment> line) {
    const std::lock_guard lock(mutex_);
    if (status_line_) status_line_->show(line);
  }

  void end_line() {
    // Not try_lock_for(): ThreadSanitizer does not know the lock that libstdc++ makes of it.
    std::unique_lock lock(mutex_, std::try_to_lock);
    for (int tries = 0; !lock && tries < kMoment / kTry; ++tries) {
      std::this_thread::sleep_for(kTry);
      lock.try_lock();
    }
    if (!lock || !status_line_) return;
    status_line_->make_way();
    status_line_.reset();
  }

  bool writes_bare_text() {
    const std::lock_guard lock(mutex_);
    return format_ == LogFormat::text && !journal_;
  }

 private:
  struct Said {
    Level level;
    std::string text;
    Clock::time_point when;
    std::uint64_t kept_back = 0;
  };

  // What was said until `then` may be said again; what was kept back since is said now.
  void say_kept_back(Clock::time_point then) {
    std::vector<Said> again;
    while (!said_.empty() && said_.front().when <= then) again.push_back(take_first());
    for (Said& said : again) {
      if (said.kept_back == 0) continue;
      write(said.level, said.text, said.kept_back);
      if (then == Clock::time_point::max()) continue;
      said.when = Clock::now();
      said.kept_back = 0;
      said_.push_back(std::move(said));
    }
  }

  Said take_first() {
    Said first = std::move(said_.front());
    said_.erase(said_.begin());
    return first;
  }

  void say_first_again() {
    const Said first = take_first();
    if (first.kept_back > 0) write(first.level, first.text, first.kept_back);
  }

  // A line stands for so many.
  void write(Level level, std::string_view text, std::uint64_t count) {
    const bool json = format_ == LogFormat::json;
    std::string line(text);
    if (json) line = quoted(text);
    if (count > 1) {
      line +=
          json ? R"(,"count":)" + std::to_string(count) : " (" + std::to_string(count) + " times)";
    }
    if (json && journal_) line = R"({"level":")" + name_of(level) + R"(","message":)" + line + "}";
    if (journal_) line = priority(level) + line;
    if (status_line_) status_line_->make_way();
    logger_.log(level, spdlog::string_view_t(line));
    if (status_line_) status_line_->come_back();
  }

  std::mutex mutex_;
  const bool journal_;
  LogFormat format_ = LogFormat::text;
  spdlog::logger logger_;
  std::unique_ptr<TerminalLine> status_line_;
  std::vector<Said> said_;  // in the order of time
};

Log::Log() : lines_(std::make_shared<Lines>()) {}

Log::~Log() {
  try {
    lines_->say_all_kept_back();
  } catch (const std::exception&) {
    return;  // there is nobody left to tell
  }
}

void Log::configure(LogFormat format, bool quiet) { lines_->configure(format, quiet); }

LogSink Log::sink() const {
  return [lines = lines_](LogLevel level, std::string_view text) {
    lines->say(level == LogLevel::warning ? spdlog::level::warn : spdlog::level::info, text);
  };
}

ShowLine Log::status_line() const {
  if (!lines_->can_show_line()) return {};
  return [lines = lines_](std::span<const Segment> line) { lines->show(line); };
}

std::function<void()> Log::status_line_end() const {
  return [lines = lines_] { lines->end_line(); };
}

void Log::error(const std::string& sentence) {
  if (lines_->writes_bare_text()) {
    std::fprintf(stderr, "fifomq: %s\n", sentence.c_str());
  } else {
    lines_->say(spdlog::level::err, sentence);
  }
}

}  // namespace fifomq
