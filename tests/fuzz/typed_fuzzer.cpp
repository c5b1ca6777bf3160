// Any bytes as the payload of a typed message: the Protobuf runtime's own answer is ours, unless a
// limit says otherwise, and no more memory is taken than was foreseen.
#include <google/protobuf/stubs/logging.h>

#include <string_view>

#include "fuzz/target.hpp"
#include "support/typed_differential.hpp"
#include "typed_required.pb.h"
#include "typed_sample.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The runtime says on standard error what it refuses.
  static const google::protobuf::LogSilencer kSilent;
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  for (const fifomq::DecodeLimits& limits :
       {fifomq::DecodeLimits{}, fifomq::DecodeLimits{.depth = 3, .memory = 2000}}) {
    const auto sample = fifomq::test::disagreement<fifomq::test::v1::Sample>(payload, limits);
    fifomq::test::require(sample.empty(), sample);
    const auto required = fifomq::test::disagreement<fifomq::test::v1::Required>(payload, limits);
    fifomq::test::require(required.empty(), required);
  }
  return 0;
}
