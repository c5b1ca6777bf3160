// fault_spooler ENDPOINT JOURNAL SLOTS WRITER LEAST MOST SEED: sends messages 1, 2 ... of that
// writer, and writes down in its slot of the journal what it has begun, what was accepted, and what
// is settled, until it is killed.
#include <fifomq/builtin.hpp>

#include "peers/content.hpp"
#include "peers/process.hpp"
#include "peers/records.hpp"

namespace {

void note(std::uint64_t& place, std::uint64_t value) {
  std::atomic_ref(place).store(value, std::memory_order_release);
}

int run(const std::vector<std::string>& arguments) {
  const auto writer = static_cast<std::uint32_t>(std::stoul(arguments[3]));
  faults::MappedArray<faults::WriterSlot> journal(arguments[1], std::stoull(arguments[2]));
  faults::WriterSlot& slot = journal[writer];
  const faults::Sizes sizes{std::stoull(arguments[4]), std::stoull(arguments[5])};
  std::mt19937_64 random(std::stoull(arguments[6]));
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto sender = registry.open_sender(arguments[0], {.log = faults::log_to_stderr});
  std::vector<std::byte> payload;
  for (std::uint32_t number = 1;; ++number) {
    faults::fill({writer, number}, sizes.pick(random), payload);
    note(slot.begun, number);
    if (sender->send({.payload = payload}, fifomq::Deadline::never()) != fifomq::SendResult::sent) {
      return 1;
    }
    note(slot.accepted, number);
    note(slot.settled, sender->settled());
  }
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv, "ENDPOINT JOURNAL SLOTS WRITER LEAST MOST SEED", 7, run);
}
