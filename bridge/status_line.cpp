#include "status_line.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "message_age.hpp"
#include "quantity.hpp"

namespace fifomq {
namespace {

constexpr std::chrono::milliseconds kBetweenDrawings{250};
constexpr std::chrono::milliseconds kBetweenDrawingsIdle{1000};
constexpr std::chrono::seconds kRateWindow{1};
// What would take longer is only called that.
constexpr std::chrono::hours kMostLeft{99};
// So wide are the figures that change all the time, so that the line stands still.
constexpr std::size_t kRateColumns = 5;
constexpr std::size_t kByteRateColumns = 7;

std::string padded(std::string text, std::size_t columns) {
  return text.insert(0, columns - std::min(columns, text.size()), ' ');
}

// Per second, of one end. Not all ends count bytes.
std::string traffic(double messages, double bytes, bool counts_bytes) {
  std::string text = padded(in_digits(messages), kRateColumns) + "/s";
  if (counts_bytes) text += " " + padded(in_bytes(bytes), kByteRateColumns) + "/s";
  return text;
}

std::string time_left(std::chrono::duration<double> time) {
  if (time > kMostLeft) return "over " + on_a_clock(kMostLeft);
  return on_a_clock(std::chrono::ceil<std::chrono::seconds>(time));
}

std::string percent(double share) { return std::to_string(static_cast<int>(share * 100)) + "%"; }

bool is_on_terminal(int fd) { return isatty(fd) != 0; }

// A pipe may end in a program that writes to the same terminal.
bool is_kept_apart(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return true;
  return S_ISREG(status.st_mode) || (S_ISCHR(status.st_mode) && !is_on_terminal(fd));
}

}  // namespace

std::unique_ptr<StatusLine> status_line_of(const ShowLine& show, StandardStreams used,
                                           StatusLine::Goal goal) {
  const bool typed_here = used.input && is_on_terminal(STDIN_FILENO);
  const bool printed_here = used.output && !is_kept_apart(STDOUT_FILENO);
  if (!show || typed_here || printed_here) return nullptr;
  return std::make_unique<StatusLine>(show, goal);
}

std::optional<std::uint64_t> bytes_left_in(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t place = std::max<off_t>(lseek(fd, 0, SEEK_CUR), 0);
  return static_cast<std::uint64_t>(std::max<off_t>(status.st_size - place, 0));
}

StatusLine::StatusLine(ShowLine show, Goal goal)
    : show_(std::move(show)), goal_(goal), next_(began_ + kBetweenDrawings) {}

StatusLine::~StatusLine() {
  if (shown_) show_({});
}

void StatusLine::begin(const ObservedRelay& relay) {
  relay_.emplace(relay);
  if (recent_.empty()) remember(take(Deadline::Clock::now()));
}

// What was short enough to show nothing ends without it, too.
void StatusLine::end() {
  const Figures last = take(Deadline::Clock::now());
  if (shown_) draw(last);
  before_.from = last.from;
  before_.hop_limit = last.hop_limit;
  before_.too_large = last.too_large;
  before_.not_representable = last.not_representable;
}

StatusLine::Figures StatusLine::take(Time now) const {
  Figures figures{relay_->take(), now};
  figures.from += before_.from;
  figures.hop_limit += before_.hop_limit;
  figures.too_large += before_.too_large;
  figures.not_representable += before_.not_representable;
  return figures;
}

void StatusLine::look() {
  const Time now = Deadline::Clock::now();
  if (now < next_) return;
  draw(take(now));
}

void StatusLine::draw(const Figures& now) {
  const auto moved = [&](const Counters RelaySnapshot::*end) {
    return (now.*end).messages_delivered != (recent_.back().*end).messages_delivered;
  };
  // One that waits for a moment is no news.
  waits_ = waits_ && !moved(&RelaySnapshot::to);
  show_(line(now));
  shown_ = true;
  const bool is_busy = waits_ || moved(&RelaySnapshot::from) || moved(&RelaySnapshot::to);
  next_ = now.at + (is_busy ? kBetweenDrawings : kBetweenDrawingsIdle);
  waits_ = false;
  remember(now);
}

// The one a second ago, and those since.
void StatusLine::remember(const Figures& figures) {
  recent_.push_back(figures);
  const Time begin = figures.at - kRateWindow;
  while (recent_.size() > 2 && recent_[1].at <= begin) recent_.erase(recent_.begin());
}

std::vector<Segment> StatusLine::line(const Figures& now) {
  const Figures& then = recent_.front();
  const double seconds = std::max(std::chrono::duration<double>(now.at - then.at).count(), 1e-3);
  const auto rate = [&](const Counters RelaySnapshot::*end, std::uint64_t Counters::*counter) {
    return static_cast<double>(now.*end.*counter - then.*end.*counter) / seconds;
  };
  std::vector<Segment> line;
  add_progress(line, now);
  line.push_back({std::to_string(now.to.messages_delivered) + " messages"});
  if (now.dropped() > 0) line.push_back({"dropped " + std::to_string(now.dropped()), true});
  if (waits_) line.push_back({"TO takes nothing", true});
  line.push_back(
      {"in " + traffic(rate(&RelaySnapshot::from, &Counters::messages_delivered),
                       rate(&RelaySnapshot::from, &Counters::bytes_in), now.from.bytes_in > 0)});
  line.push_back(
      {"out " + traffic(rate(&RelaySnapshot::to, &Counters::messages_delivered),
                        rate(&RelaySnapshot::to, &Counters::bytes_out), now.to.bytes_out > 0)});
  const auto backlog = now.from.backlog_bytes;
  counts_backlog_ = counts_backlog_ || backlog > 0;
  if (counts_backlog_) line.push_back({"backlog " + in_bytes(static_cast<double>(backlog))});
  add_lag(line);
  const Counters& to = now.to;
  const std::uint64_t peers = now.from.peers + to.peers;
  if (peers + now.from.peers_lost + to.peers_lost > 0) {
    line.push_back({"peers " + std::to_string(peers), peers == 0});
  }
  if (to.messages_pending > 0) line.push_back({"unsent " + std::to_string(to.messages_pending)});
  return line;
}

// How much of the goal is reached, and when it will be if it goes on like this.
void StatusLine::add_progress(std::vector<Segment>& line, const Figures& now) const {
  std::uint64_t goal = goal_.messages.value_or(0);
  std::uint64_t done = now.from.messages_delivered;
  if (goal_.bytes) {
    goal = *goal_.bytes;
    done = now.from.bytes_in_messages + now.from.bytes_skipped;
  }
  if (goal == 0) return;
  const double share = std::min(static_cast<double>(done) / static_cast<double>(goal), 1.0);
  std::string text = percent(share);
  if (share > 0 && share < 1) {
    text += " ETA " + time_left((now.at - began_) * (1 / share - 1));
  }
  line.push_back({std::move(text)});
}

// Of the message that was handed on last, as far as messages carry the time they were sent at.
void StatusLine::add_lag(std::vector<Segment>& line) {
  const std::uint64_t sent = std::exchange(last_sent_unix_nanos_, 0);
  if (sent != 0) line.push_back({"lag " + in_time(age_of(sent))});
}

}  // namespace fifomq
