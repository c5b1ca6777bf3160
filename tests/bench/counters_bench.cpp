// What it costs to ask the ends of a memory channel for their counters, with so many messages
// waiting: the receiver's look into the queue, under its lock.
#include <benchmark/benchmark.h>

#include <fifomq/builtin.hpp>
#include <fifomq/transport.hpp>

namespace fifomq {
namespace {

struct Ends {
  explicit Ends(std::int64_t waiting) {
    for (std::int64_t i = 0; i < waiting; ++i) {
      sender->send({.payload = as_byte_view("m")}, Deadline::never());
    }
  }

  const Registry registry = builtin_transports();
  const std::unique_ptr<Receiver> receiver = registry.open_receiver("memory:counters");
  const std::unique_ptr<Sender> sender = registry.open_sender("memory:counters");
};

void ask(benchmark::State& state, const Channel& end) {
  if (end.counters().messages_received != static_cast<std::uint64_t>(state.range(0))) {
    state.SkipWithError("messages are missing");
  }
  for (auto _ : state) benchmark::DoNotOptimize(end.counters());
  state.SetItemsProcessed(state.iterations());
}

void counters_of_sender(benchmark::State& state) {
  const Ends ends(state.range(0));
  ask(state, *ends.sender);
}
BENCHMARK(counters_of_sender)->Arg(0)->Arg(10'000);

void counters_of_receiver(benchmark::State& state) {
  const Ends ends(state.range(0));
  ask(state, *ends.receiver);
}
BENCHMARK(counters_of_receiver)->Arg(0)->Arg(10'000);

}  // namespace
}  // namespace fifomq

BENCHMARK_MAIN();
