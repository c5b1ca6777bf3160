// How much has been taken of a NATS message that holds several frames: it is acknowledged as a
// whole or not at all, so the first ones would come again with it. Kept where all receivers of a
// durable consumer find it, at the end of the consumer's description.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fifomq::jetstream {

struct PartTaken {
  std::uint64_t stream_sequence = 0;  // 0 = there is none
  std::uint64_t frames = 0;
};

PartTaken read_part(std::string_view description);
// The description with this instead of what it says of another one.
std::string with_part(std::string_view description, const PartTaken& part);

}  // namespace fifomq::jetstream
