// fault_typed ENDPOINT COUNT [memory=BYTES] [depth=N]: receives COUNT messages as typed ones, and
// prints a line for each: its name, or the error.
#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>
#include <fifomq/typed.hpp>

#include "peers/process.hpp"
#include "typed_sample.pb.h"

namespace {

int run(const std::vector<std::string>& arguments) {
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto receiver = registry.open_receiver(arguments[0]);
  fifomq::DecodeLimits limits;
  for (const auto& [key, value] : faults::options_in(arguments, 2)) {
    if (key == "memory") limits.memory = value;
    if (key == "depth") limits.depth = static_cast<int>(value);
  }
  std::printf("open\n");
  std::fflush(stdout);
  fifomq::test::v1::Sample sample;
  for (std::size_t left = std::stoull(arguments[1]); left > 0; --left) {
    try {
      const auto result = fifomq::receive(*receiver, sample,
                                          fifomq::Deadline::after(std::chrono::minutes(1)), limits);
      std::printf("%s %s\n", fifomq::to_string(result), sample.name().c_str());
    } catch (const fifomq::Error& error) {
      std::printf("error %s\n", error.what());
    }
    std::fflush(stdout);
  }
  getchar();  // until its memory has been looked at
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv, "ENDPOINT COUNT [memory=BYTES] [depth=N]", 2, run);
}
