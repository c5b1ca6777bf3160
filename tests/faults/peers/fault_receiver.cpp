// fault_receiver ENDPOINT ARRIVALS CAPACITY [take=N] [idle=MS] [commit=N] [storm=HZ]: a library
// receiver that looks at each message and writes it down. Ends after `take` messages, when none has
// come for `idle`, or, told by SIGTERM, when none is there; prints its counters then.
#include <fifomq/builtin.hpp>

#include "peers/content.hpp"
#include "peers/process.hpp"
#include "peers/records.hpp"
#include "peers/storm.hpp"

namespace {

constexpr auto kLookAround = std::chrono::milliseconds(50);

volatile std::sig_atomic_t told_to_stop = 0;

struct Settings {
  std::optional<std::uint64_t> take;
  std::optional<std::chrono::milliseconds> idle;
  std::uint64_t commit = 0;  // after each so many messages; 0: the library does it
};

class Witness {
 public:
  explicit Witness(faults::Arrivals& arrivals) : arrivals_(arrivals) {}

  void write_down(const fifomq::MessageView& message) {
    faults::Header header;
    std::memcpy(&header, message.payload.data(), std::min(sizeof header, message.payload.size()));
    faults::fill(header, message.payload.size(), expected_);
    const bool exact = message.payload.size() >= sizeof header &&
                       std::memcmp(expected_.data(), message.payload.data(), expected_.size()) == 0;
    const fifomq::Origin origin = message.origin.value_or(fifomq::Origin{});
    arrivals_.add(
        {.origin_writer = origin.writer,
         .origin_sequence = origin.sequence,
         .writer = header.writer,
         .number = header.number,
         .size = static_cast<std::uint32_t>(message.payload.size()),
         .status = exact ? faults::ArrivalStatus::exact : faults::ArrivalStatus::damaged});
  }

 private:
  faults::Arrivals& arrivals_;
  std::vector<std::byte> expected_;
};

// Some wait, and look around in between whether they have been told to stop.
fifomq::ReceiveResult next(fifomq::Receiver& receiver, fifomq::MessageView& message,
                           const Settings& settings) {
  using fifomq::Deadline;
  const Deadline end = settings.idle ? Deadline::after(*settings.idle) : Deadline::never();
  while (true) {
    const bool stopping = told_to_stop != 0;
    const auto result = receiver.receive(
        message, stopping ? Deadline::now() : earlier(end, Deadline::after(kLookAround)));
    if (result != fifomq::ReceiveResult::timed_out || stopping || end.expired()) return result;
  }
}

int run(const std::string& endpoint, faults::Arrivals& arrivals, const Settings& settings) {
  const fifomq::Registry registry = fifomq::builtin_transports();
  fifomq::OpenOptions options{.log = faults::log_to_stderr, .take_at_most = settings.take};
  options.explicit_commit = settings.commit != 0;
  const auto receiver = registry.open_receiver(endpoint, options);
  std::printf("open\n");
  std::fflush(stdout);
  Witness witness(arrivals);
  fifomq::MessageView message;
  std::uint64_t received = 0;
  while (next(*receiver, message, settings) == fifomq::ReceiveResult::received) {
    witness.write_down(message);
    ++received;
    if (settings.commit != 0 && received % settings.commit == 0) receiver->commit(received);
  }
  if (settings.commit != 0) receiver->commit(received);
  const fifomq::Counters counters = receiver->counters();
  std::printf("%s\n", faults::text_of(counters).c_str());
  return counters.balanced() ? 0 : 3;
}

int start(const std::vector<std::string>& arguments) {
  std::signal(SIGTERM, [](int) { told_to_stop = 1; });
  Settings settings;
  for (const auto& [key, value] : faults::options_in(arguments, 3)) {
    if (key == "take") settings.take = value;
    if (key == "idle") settings.idle = std::chrono::milliseconds(value);
    if (key == "commit") settings.commit = value;
    if (key == "storm") faults::start_storm(value);
  }
  faults::Arrivals arrivals(arguments[1], std::stoull(arguments[2]));
  return run(arguments[0], arrivals, settings);
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(
      argc, argv, "ENDPOINT ARRIVALS CAPACITY [take=N] [idle=MS] [commit=N] [storm=HZ]", 3, start);
}
