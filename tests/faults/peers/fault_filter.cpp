// fault_filter ARRIVALS: what a history has, in its order, through the library's filter for
// consumers that stay while receivers are killed. Prints how many messages it lets through.
#include <filesystem>

#include <fifomq/duplicates.hpp>

#include "peers/process.hpp"
#include "peers/records.hpp"

namespace {

int run(const std::vector<std::string>& arguments) {
  const std::size_t capacity = std::filesystem::file_size(arguments[0]) / sizeof(faults::Arrival);
  faults::MappedArray<faults::Arrival> arrivals(arguments[0], capacity);
  fifomq::DuplicateFilter filter;
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < capacity; ++i) {
    const faults::Arrival& arrival = arrivals[i];
    if (arrival.status == faults::ArrivalStatus{}) break;
    passed += filter.is_new({arrival.origin_writer, arrival.origin_sequence}) ? 1 : 0;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(passed));
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return faults::run_main(argc, argv, "ARRIVALS", 1, run); }
