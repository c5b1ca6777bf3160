#include "core/send_errors.hpp"

#include <string>

namespace fifomq::core {

void check_size(const MessageView& message, std::uint64_t limit, const Endpoint& endpoint) {
  if (message.payload.size() <= limit) return;
  throw Error(Errc::too_large, endpoint.text(),
              "message too large (" + std::to_string(message.payload.size()) + " bytes, limit " +
                  std::to_string(limit) + "); max_message= raises the limit");
}

Error not_representable(const char* why, const Endpoint& endpoint) {
  return {Errc::not_representable, endpoint.text(),
          std::string("this message cannot be sent: ") + why};
}

}  // namespace fifomq::core
