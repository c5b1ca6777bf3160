// Our decoding of a typed payload against the Protobuf runtime's own, and against the memory that
// it was estimated to take. The program links live_memory.cpp.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>
#include <string>
#include <string_view>

#include <fifomq/typed.hpp>

#include "support/live_memory.hpp"

namespace fifomq::test {

// Equal for equal messages, also those with maps and NaNs.
inline std::string canonical(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&out);
  out.Trim();
  return bytes;
}

// Nothing when the payload was decoded.
template <typename T>
std::optional<Errc> refusal(std::string_view payload, T& message, const DecodeLimits& limits) {
  try {
    decode({.payload = as_byte_view(payload)}, message, limits);
    return std::nullopt;
  } catch (const Error& error) {
    return error.errc();
  }
}

// What is wrong with our answer; empty when nothing is.
template <typename T>
std::string disagreement(std::string_view payload, const DecodeLimits& limits = {}) {
  // The text of an error, and what malloc rounds up.
  constexpr std::size_t kSlack = 2048;
  typed::WireWalk walk(T::default_instance(), limits.depth, limits.memory);
  const typed::WalkResult walked = walk.walk(as_byte_view(payload));
  const bool beyond =
      walked == typed::WalkResult::too_deep || walked == typed::WalkResult::too_large;
  T ours;
  reset_peak();
  const std::size_t before = live_bytes();
  const auto refused = refusal(payload, ours, limits);
  const std::size_t taken = peak_bytes() - before;
  if (taken > walk.memory_bytes() + kSlack) {
    return "it took " + std::to_string(taken) + " bytes, where at most " +
           std::to_string(walk.memory_bytes()) + " were expected";
  }
  if (beyond != (refused == Errc::over_decode_limit))
    return "a limit was not kept, or no limit was";
  if (walked == typed::WalkResult::too_large) {
    return walk.memory_bytes() > limits.memory ? "" : "refused within the limit";
  }
  T theirs;
  const bool parsed = theirs.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
  if (walked == typed::WalkResult::too_deep) {
    return parsed && limits.depth >= typed::WireWalk::kMostDepth ? "Protobuf reads that deep" : "";
  }
  if (parsed != !refused) return parsed ? "Protobuf reads it" : "Protobuf refuses it";
  if (refused) return refused == Errc::undecodable ? "" : "refused for another reason";
  if (canonical(ours) != canonical(theirs)) return "Protobuf reads something else";
  return "";
}

}  // namespace fifomq::test
