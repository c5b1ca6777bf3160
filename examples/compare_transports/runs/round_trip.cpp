#include "runs/round_trip.hpp"

#include <sched.h>

#include <future>
#include <memory>

#include "failure.hpp"
#include "payload.hpp"
#include "statistics.hpp"

namespace compare {
namespace {

constexpr std::uint64_t kWarmUpTrips = 50;
constexpr std::size_t kExpectedSamples = 1U << 20;

struct TwoLinks {
  std::unique_ptr<Link> there;
  std::unique_ptr<Link> back;
};

Mark receive_next(Source& source, std::uint64_t expected) {
  const Mark mark = Payload::read(source.receive(), kRoundTripBytes);
  if (mark.sequence != expected) throw Failure("a message was lost on its way");
  return mark;
}

void echo(Source& source, Sink& sink) {
  Payload payload(kRoundTripBytes);
  bool last = false;
  for (std::uint64_t sequence = 0; !last; ++sequence) {
    last = receive_next(source, sequence).last;
    sink.send(payload.marked({.sequence = sequence, .last = last}));
  }
  sink.flush();
}

Figures ping(Source& source, Sink& sink, std::chrono::nanoseconds run_time) {
  Payload payload(kRoundTripBytes);
  Samples samples(kExpectedSamples);
  auto end = Clock::time_point::max();
  bool last = false;
  for (std::uint64_t trip = 0; !last; ++trip) {
    const auto start = Clock::now();
    if (trip == kWarmUpTrips) end = start + run_time;
    last = trip > kWarmUpTrips && start >= end;
    sink.send(payload.marked({.sequence = trip, .last = last}));
    receive_next(source, trip);
    if (trip < kWarmUpTrips) continue;
    samples.add(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  return {static_cast<double>(samples.count()), samples.percentile(0.50), samples.percentile(0.99),
          samples.percentile(0.999)};
}

// Two that spin on one core would only wait for the end of each other's time slice. So each has one
// of its own, where there are two.
void keep_to_core(int which) {
  cpu_set_t allowed{};
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
  int core = -1;
  for (int found = -1; found < which;) {
    if (CPU_ISSET(++core, &allowed)) ++found;
  }
  cpu_set_t wanted{};
  CPU_SET(core, &wanted);
  ::sched_setaffinity(0, sizeof wanted, &wanted);
}

void start_processes(ProcessGroup& group, const TwoLinks& links, bool spins,
                     std::chrono::nanoseconds time) {
  group.start("the pinging process", [&links, spins, time](const Meeting& meeting) {
    if (spins) keep_to_core(0);
    const auto source = links.back->open_source();
    meeting.wait();
    const auto sink = links.there->open_sink();
    Figures figures = ping(*source, *sink, time);
    meeting.wait();
    return figures;
  });
  group.start("the echoing process", [&links, spins](const Meeting& meeting) {
    if (spins) keep_to_core(1);
    const auto source = links.there->open_source();
    meeting.wait();
    const auto sink = links.back->open_sink();
    echo(*source, *sink);
    meeting.wait();
    return Figures{};
  });
}

void start_threads(ProcessGroup& group, const TwoLinks& links, std::chrono::nanoseconds time) {
  group.start("the process", [&links, time](const Meeting& meeting) {
    const auto source_there = links.there->open_source();
    const auto source_back = links.back->open_source();
    meeting.wait();
    const auto sink_there = links.there->open_sink();
    const auto sink_back = links.back->open_sink();
    auto echoing = std::async(std::launch::async, [&] { echo(*source_there, *sink_back); });
    Figures figures = ping(*source_back, *sink_there, time);
    echoing.get();
    meeting.wait();
    return figures;
  });
}

}  // namespace

Latency run_round_trips(Bench& bench, const Transport& transport) {
  const TwoLinks links{.there = transport.make_link(bench.next_place(kRoundTripBytes)),
                       .back = transport.make_link(bench.next_place(kRoundTripBytes))};
  ProcessGroup group = bench.group(transport.name + ", round trip");
  if (transport.in_threads) {
    start_threads(group, links, bench.run_time());
  } else {
    start_processes(group, links, transport.spins, bench.run_time());
  }
  group.meet();
  group.meet();
  const Figures figures = group.figures().front();
  return {.samples = figures.at(0),
          .us_p50 = figures.at(1),
          .us_p99 = figures.at(2),
          .us_p999 = figures.at(3)};
}

}  // namespace compare
