// What it costs to read an endpoint as people write them.
#include <benchmark/benchmark.h>

#include <string>

#include <fifomq/endpoint.hpp>

namespace fifomq {
namespace {

void parse(benchmark::State& state, const char* text) {
  const std::string endpoint = text;
  for (auto _ : state) benchmark::DoNotOptimize(Endpoint::parse(endpoint));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(parse, dash, "-");
BENCHMARK_CAPTURE(parse, memory, "memory:jobs");
BENCHMARK_CAPTURE(parse, fifo_with_options, "fifo:/run/app/in?framing=line&topic=a&eof=exit");
BENCHMARK_CAPTURE(parse, zmq_with_percent_signs,
                  "zmq+sub:tcp://127.0.0.1:5555?topic=caf%C3%A9%20%26%20more&capacity=1MiB");

}  // namespace
}  // namespace fifomq

BENCHMARK_MAIN();
