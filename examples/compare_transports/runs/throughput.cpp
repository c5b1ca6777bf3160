#include "runs/throughput.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <limits>
#include <string>
#include <vector>

#include "cpu_time.hpp"
#include "failure.hpp"
#include "payload.hpp"

namespace compare {
namespace {

using std::chrono::nanoseconds;

constexpr std::uint64_t kFewestMessages = 4;
constexpr std::size_t kSmallBytes = 4096;
// Looking at the clock must not show in the time of a small message.
constexpr std::uint64_t kSmallMessagesPerLook = 64;
constexpr nanoseconds kShortestCalibration = std::chrono::milliseconds(5);

double seconds_of(nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

struct Intake {
  double messages = 0;
  double per_second = 0;
  double cpu_ns = 0;  // in all
};

void shake_hands(Sink& sink, Payload& payload, unsigned writer) {
  sink.send(payload.marked({.sequence = kHandshake, .writer = writer}));
  sink.flush();
}

void await_handshakes(Source& source, const Load& load) {
  for (unsigned left = load.writers; left > 0; --left) {
    if (Payload::read(source.receive(), load.message_bytes).sequence != kHandshake) {
      throw Failure("a first message was lost");
    }
  }
}

void send_all(Sink& sink, Payload& payload, const Load& load, unsigned writer) {
  const auto start = Clock::now();
  const auto end = start + load.at_most;
  const std::uint64_t look = load.message_bytes < kSmallBytes ? kSmallMessagesPerLook : 1;
  bool last = false;
  for (std::uint64_t sequence = 1; !last; ++sequence) {
    last = sequence == load.messages_each || (sequence % look == 0 && Clock::now() >= end);
    sink.send(payload.marked(
        {.sequence = sequence, .writer = writer, .last = last, .time = start.time_since_epoch()}));
  }
  sink.flush();
}

// Times from the moment when the first sender began, which stands in every message, to the last
// message's arrival. The first arrival would be no fair start: a receiver that wakes up late finds
// the pipe full, and would count what waits there as carried in no time.
Intake receive_all(Source& source, const Load& load, int who) {
  std::vector<std::uint64_t> expected(load.writers, 1);
  const auto cpu_before = cpu_time(who);
  auto start = nanoseconds::max();
  std::uint64_t messages = 0;
  for (unsigned left = load.writers; left > 0; ++messages) {
    const Mark mark = Payload::read(source.receive(), load.message_bytes);
    start = std::min(start, mark.time);
    std::uint64_t& next = expected.at(mark.writer);
    if (mark.sequence != next) {
      throw Failure("message " + std::to_string(mark.sequence) + " came instead of " +
                    std::to_string(next));
    }
    ++next;
    if (mark.last) --left;
  }
  const double seconds = seconds_of(Clock::now().time_since_epoch() - start);
  const auto count = static_cast<double>(messages);
  return {.messages = count,
          .per_second = count / seconds,
          .cpu_ns = static_cast<double>((cpu_time(who) - cpu_before).count())};
}

Figures receive_as_process(Link& link, const Load& load, const Meeting& meeting) {
  const auto source = link.open_source();
  meeting.wait();
  await_handshakes(*source, load);
  meeting.wait();
  const Intake intake = receive_all(*source, load, RUSAGE_SELF);
  meeting.wait();
  return {intake.messages, intake.per_second, intake.cpu_ns};
}

// What its own threads still do after the last send() is counted as well: until all has arrived.
Figures send_as_process(Link& link, const Load& load, unsigned writer, const Meeting& meeting) {
  meeting.wait();
  Payload payload(load.message_bytes);
  const auto sink = link.open_sink();
  shake_hands(*sink, payload, writer);
  meeting.wait();
  const auto cpu_before = cpu_time(RUSAGE_SELF);
  send_all(*sink, payload, load, writer);
  meeting.wait();
  return {static_cast<double>((cpu_time(RUSAGE_SELF) - cpu_before).count())};
}

Figures run_in_threads(Link& link, const Load& load, const Meeting& meeting) {
  const auto source = link.open_source();
  meeting.wait();
  Payload payload(load.message_bytes);
  const auto sink = link.open_sink();
  shake_hands(*sink, payload, 0);
  await_handshakes(*source, load);
  meeting.wait();
  auto receiver =
      std::async(std::launch::async, [&] { return receive_all(*source, load, RUSAGE_THREAD); });
  const auto cpu_before = cpu_time(RUSAGE_THREAD);
  send_all(*sink, payload, load, 0);
  const auto cpu = cpu_time(RUSAGE_THREAD) - cpu_before;
  const Intake intake = receiver.get();
  meeting.wait();
  return {intake.messages, intake.per_second, intake.cpu_ns, static_cast<double>(cpu.count())};
}

double peak_bytes(pid_t pid) {
  constexpr double kBytesPerKib = 1024;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * kBytesPerKib;
  }
  return 0;
}

void start_all(ProcessGroup& group, Link& link, const Transport& transport, const Load& load) {
  if (transport.in_threads) {
    group.start("the process", [&](const Meeting& at) { return run_in_threads(link, load, at); });
    return;
  }
  group.start("the receiver",
              [&](const Meeting& at) { return receive_as_process(link, load, at); });
  for (unsigned writer = 0; writer < load.writers; ++writer) {
    group.start("the sender",
                [&, writer](const Meeting& at) { return send_as_process(link, load, writer, at); });
  }
}

Throughput summed_up(const std::vector<Figures>& figures) {
  const Figures& intake = figures.front();
  const double messages = intake.at(0);
  double sender_cpu_ns = intake.size() > 3 ? intake[3] : 0;
  for (std::size_t i = 1; i < figures.size(); ++i) sender_cpu_ns += figures[i].at(0);
  return {.messages = static_cast<std::uint64_t>(messages),
          .messages_per_second = intake.at(1),
          .sender_cpu_ns = sender_cpu_ns / messages,
          .receiver_cpu_ns = intake.at(2) / messages};
}

}  // namespace

Throughput run_throughput(Bench& bench, const Transport& transport, const Load& load) {
  const Place place = bench.next_place(load.message_bytes);
  const auto link = transport.make_link(place);
  ProcessGroup group = bench.group(transport.name);
  start_all(group, *link, transport, load);
  pid_t relay = -1;
  if (const auto command = link->relay_command(); !command.empty()) {
    relay = group.start_program("the bridge", command, place.stem.string() + ".log");
  }
  group.meet();          // the source is open
  group.wait_for_all();  // the first message has arrived: all are connected
  const auto relay_before = relay > 0 ? cpu_time_of_process(relay) : nanoseconds::zero();
  group.release();
  group.wait_for_all();  // the last message has arrived
  const auto relay_after = relay > 0 ? cpu_time_of_process(relay) : nanoseconds::zero();
  const double relay_peak_bytes = relay > 0 ? peak_bytes(relay) : 0;
  group.release();
  Throughput result = summed_up(group.figures());
  result.relay_cpu_ns = static_cast<double>((relay_after - relay_before).count()) /
                        static_cast<double>(result.messages);
  result.relay_peak_bytes = relay_peak_bytes;
  return result;
}

Load calibrate(Bench& bench, const Transport& transport, std::size_t message_bytes,
               unsigned writers) {
  Load load{.message_bytes = message_bytes,
            .writers = writers,
            .messages_each = std::numeric_limits<std::uint64_t>::max(),
            .at_most = std::max(bench.run_time() / 4, kShortestCalibration)};
  const Throughput trial = run_throughput(bench, transport, load);
  const double wanted = trial.messages_per_second * seconds_of(bench.run_time());
  load.messages_each = std::max(kFewestMessages, static_cast<std::uint64_t>(wanted) / writers);
  // Should the machine be slower then than it was now.
  load.at_most = 5 * bench.run_time();
  return load;
}

}  // namespace compare
