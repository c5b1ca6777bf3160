#include "runs/paced.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <thread>

#include "failure.hpp"
#include "payload.hpp"
#include "statistics.hpp"

namespace compare {
namespace {

using std::chrono::nanoseconds;

// A sleeping process comes late; what is nearer than this is waited for awake.
constexpr nanoseconds kTooNearToSleep = std::chrono::microseconds(60);

struct Pace {
  double messages_per_second = 0;
  nanoseconds run_time{};
  TimedFrom timed_from = TimedFrom::schedule;

  std::uint64_t messages() const {
    const double seconds = std::chrono::duration<double>(run_time).count();
    return std::max<std::uint64_t>(2, static_cast<std::uint64_t>(seconds * messages_per_second));
  }
  nanoseconds time_of(std::uint64_t message) const {
    constexpr double kNanosPerSecond = 1e9;
    return nanoseconds(static_cast<std::int64_t>(static_cast<double>(message) * kNanosPerSecond /
                                                 messages_per_second));
  }
};

void wait_until(Clock::time_point moment, TimedFrom timed_from) {
  if (timed_from == TimedFrom::send) return std::this_thread::sleep_until(moment);
  const auto near = moment - kTooNearToSleep;
  if (Clock::now() < near) std::this_thread::sleep_until(near);
  while (Clock::now() < moment) continue;
}

// What it really sent each second.
double send_paced(Sink& sink, Payload& payload, const Pace& pace) {
  ::prctl(PR_SET_TIMERSLACK, 1);  // sleeps end as exactly as the system can
  const std::uint64_t count = pace.messages();
  const auto start = Clock::now() + std::chrono::milliseconds(1);
  for (std::uint64_t sequence = 1; sequence <= count; ++sequence) {
    const auto planned = start + pace.time_of(sequence);
    wait_until(planned, pace.timed_from);
    const auto from = pace.timed_from == TimedFrom::schedule ? planned : Clock::now();
    sink.send(payload.marked(
        {.sequence = sequence, .last = sequence == count, .time = from.time_since_epoch()}));
  }
  sink.flush();
  return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - start).count();
}

Figures receive_paced(Source& source, const Pace& pace) {
  Samples samples(pace.messages());
  bool last = false;
  for (std::uint64_t expected = 1; !last; ++expected) {
    const Mark mark = Payload::read(source.receive(), kPacedBytes);
    const auto now = Clock::now().time_since_epoch();
    if (mark.sequence != expected) throw Failure("a message was lost");
    samples.add(std::chrono::duration<double, std::micro>(now - mark.time).count());
    last = mark.last;
  }
  return {static_cast<double>(samples.count()), samples.percentile(0.50), samples.percentile(0.99),
          samples.percentile(0.999)};
}

void start_processes(ProcessGroup& group, Link& link, const Pace& pace) {
  group.start("the receiver", [&link, pace](const Meeting& meeting) {
    const auto source = link.open_source();
    meeting.wait();
    source->receive();  // the handshake
    meeting.wait();
    Figures figures = receive_paced(*source, pace);
    meeting.wait();
    return figures;
  });
  group.start("the sender", [&link, pace](const Meeting& meeting) {
    meeting.wait();
    const auto sink = link.open_sink();
    Payload payload(kPacedBytes);
    sink->send(payload.marked({}));
    sink->flush();
    meeting.wait();
    const double messages_per_second = send_paced(*sink, payload, pace);
    meeting.wait();
    return Figures{messages_per_second};
  });
}

}  // namespace

Latency run_paced(Bench& bench, const Transport& transport, double messages_per_second,
                  nanoseconds run_time, TimedFrom timed_from) {
  const auto link = transport.make_link(bench.next_place(kPacedBytes));
  ProcessGroup group = bench.group(transport.name + ", fixed rate");
  start_processes(
      group, *link,
      {.messages_per_second = messages_per_second, .run_time = run_time, .timed_from = timed_from});
  for (int meetings = 0; meetings < 3; ++meetings) group.meet();
  const auto figures = group.figures();
  const Figures& received = figures.front();
  return {.samples = received.at(0),
          .us_p50 = received.at(1),
          .us_p99 = received.at(2),
          .us_p999 = received.at(3),
          .messages_per_second = figures.back().at(0)};
}

}  // namespace compare
