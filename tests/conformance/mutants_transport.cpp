// What conformance_mutants is run on: memory, mutated as FIFOMQ_MUTANT says, with the faults that
// FIFOMQ_FAULT asks for. Without both it is memory as it is.
#include <cstdlib>
#include <memory>
#include <utility>

#include <fifomq/transport.hpp>

#include "support/faulty_transport.hpp"

namespace fifomq::plugins {

std::unique_ptr<Transport> make_mutated_memory_transport();

std::unique_ptr<Transport> make_mutant_transport() {
  auto transport = make_mutated_memory_transport();
  const char* const given = std::getenv("FIFOMQ_FAULT");
  const auto plan = test::parse_fault_plan(given == nullptr ? "" : given);
  return plan ? test::with_faults(std::move(transport), *plan) : std::move(transport);
}

}  // namespace fifomq::plugins
