// fault_sender ENDPOINT [storm=HZ]: a library sender that does what it reads from standard input,
// line by line, and answers each line with one. TOOK is for how long the call took, and WAITED for
// how long of it this thread waited for a processor, in microseconds.
//   send WRITER NUMBER SIZE MS             RESULT TOOK WAITED, or: error TEXT
//   flush MS                               the same
//   flood WRITER FIRST COUNT LEAST MOST MS SEED
//                                          accepted N refused NUMBER...; SIGTERM ends it early
//   counters                               counters NAME=VALUE...
#include <fstream>
#include <iostream>
#include <sstream>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "peers/content.hpp"
#include "peers/process.hpp"
#include "peers/storm.hpp"

namespace {

using fifomq::Deadline;
using fifomq::SendResult;

volatile std::sig_atomic_t told_to_stop = 0;

// A negative number of milliseconds is no deadline.
Deadline deadline_in(std::int64_t milliseconds) {
  if (milliseconds < 0) return Deadline::never();
  return milliseconds == 0 ? Deadline::now()
                           : Deadline::after(std::chrono::milliseconds(milliseconds));
}

// How long this thread has been ready to run and was not let.
std::chrono::nanoseconds kept_waiting() {
  std::ifstream file("/proc/thread-self/schedstat");
  std::int64_t on_cpu = 0;
  std::int64_t waiting = 0;
  file >> on_cpu >> waiting;
  return std::chrono::nanoseconds(waiting);
}

std::string microseconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

class Commands {
 public:
  explicit Commands(fifomq::Sender& sender) : sender_(sender) {}

  std::string answer(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "send") return send(words);
    if (command == "flush") return flush(words);
    if (command == "flood") return flood(words);
    if (command == "counters") return faults::text_of(sender_.counters());
    return "error unknown command " + command;
  }

 private:
  template <typename Call>
  std::string timed(const Call& call) {
    const auto waited = kept_waiting();
    const auto began = Deadline::Clock::now();
    try {
      const SendResult result = call();
      const auto took = Deadline::Clock::now() - began;
      return std::string(fifomq::to_string(result)) + " " + microseconds(took) + " " +
             microseconds(kept_waiting() - waited);
    } catch (const fifomq::Error& error) {
      return std::string("error ") + error.what();
    }
  }

  SendResult send_one(faults::Header header, std::size_t size, std::int64_t milliseconds) {
    faults::fill(header, size, payload_);
    return sender_.send({.payload = payload_}, deadline_in(milliseconds));
  }

  std::string send(std::istream& words) {
    faults::Header header;
    std::size_t size = 0;
    std::int64_t milliseconds = 0;
    words >> header.writer >> header.number >> size >> milliseconds;
    faults::fill(header, size, payload_);
    return timed([&] { return sender_.send({.payload = payload_}, deadline_in(milliseconds)); });
  }

  std::string flush(std::istream& words) {
    std::int64_t milliseconds = 0;
    words >> milliseconds;
    return timed([&] { return sender_.flush(deadline_in(milliseconds)); });
  }

  std::string flood(std::istream& words) {
    faults::Header header;
    std::uint32_t count = 0;
    faults::Sizes sizes;
    std::int64_t milliseconds = 0;
    std::uint64_t seed = 0;
    words >> header.writer >> header.number >> count >> sizes.least >> sizes.most >> milliseconds >>
        seed;
    std::mt19937_64 random(seed);
    std::uint64_t accepted = 0;
    std::string refused;
    for (; count > 0 && told_to_stop == 0; --count, ++header.number) {
      if (send_one(header, sizes.pick(random), milliseconds) == SendResult::sent) {
        ++accepted;
      } else {
        refused += " " + std::to_string(header.number);
      }
    }
    told_to_stop = 0;
    sender_.flush(deadline_in(milliseconds));
    return "accepted " + std::to_string(accepted) + " refused" + refused;
  }

  fifomq::Sender& sender_;
  std::vector<std::byte> payload_;
};

int run(const std::vector<std::string>& arguments) {
  // An interrupted read of a line is tried again by the stream, but not by stdio.
  std::ios::sync_with_stdio(false);
  std::signal(SIGTERM, [](int) { told_to_stop = 1; });
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto sender =
      registry.open_sender(arguments[0], {.log = faults::log_to_stderr, .take_at_most = {}});
  for (const auto& [key, value] : faults::options_in(arguments, 1)) {
    if (key == "storm") faults::start_storm(value);
  }
  Commands commands(*sender);
  std::cout << "open" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << commands.answer(line) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv, "ENDPOINT [storm=HZ]", 1, run);
}
