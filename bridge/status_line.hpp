// What people see of a relay on their terminal while it runs: one line, drawn anew a few times a
// second. The relay's own thread draws it, from the counters that it keeps anyway.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <fifomq/message.hpp>

#include "log.hpp"
#include "relay_snapshot.hpp"

namespace fifomq {

class StatusLine {
 public:
  // What there is to do in all, where that is known.
  struct Goal {
    std::optional<std::uint64_t> messages{};
    std::optional<std::uint64_t> bytes{};  // to be read
  };

  StatusLine(ShowLine show, Goal goal);
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;
  StatusLine(StatusLine&&) = delete;
  StatusLine& operator=(StatusLine&&) = delete;
  ~StatusLine();  // takes it away

  // Relays may follow each other, from different ends to the same one. Each outlives end().
  void begin(const ObservedRelay& relay);
  void end();

  // Draws it when it is time. Costs a look at the clock.
  void look();
  // When it has to be looked at again.
  Deadline due() const { return Deadline::at(next_); }

  // The relay begins to hand on a message,
  void took(const MessageView& message) { last_sent_unix_nanos_ = message.sent_unix_nanos; }
  // and finds no room for it, or nobody there.
  void waits() { waits_ = true; }

 private:
  using Time = Deadline::Clock::time_point;

  struct Figures : RelaySnapshot {
    Time at;
  };
  Figures take(Time now) const;
  void remember(const Figures& figures);
  void draw(const Figures& now);
  std::vector<Segment> line(const Figures& now);
  void add_progress(std::vector<Segment>& line, const Figures& now) const;
  void add_lag(std::vector<Segment>& line);

  const ShowLine show_;
  const Goal goal_;
  const Time began_ = Deadline::Clock::now();
  Time next_;
  std::optional<ObservedRelay> relay_;
  RelaySnapshot before_;         // of the relays before this one; TO counts all of them
  std::vector<Figures> recent_;  // from begin() on there is always one
  // Not every transport can tell, and none means nothing before it has told.
  bool counts_backlog_ = false;
  bool shown_ = false;
  bool waits_ = false;
  std::uint64_t last_sent_unix_nanos_ = 0;  // 0: no message since the last drawing has that
};

// Which of the program's own streams a relay uses.
struct StandardStreams {
  bool input = false;
  bool output = false;
};

// Nothing where messages pass over the terminal too, or may, or people type them there.
std::unique_ptr<StatusLine> status_line_of(const ShowLine& show, StandardStreams used,
                                           StatusLine::Goal goal);

// How much is still to be read of a regular file.
std::optional<std::uint64_t> bytes_left_in(int fd);

}  // namespace fifomq
