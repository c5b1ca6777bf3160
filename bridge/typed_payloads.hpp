// What `recv`, `peek` and `send` do with payloads whose types a user has given them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <fifomq/forwarding.hpp>
#include <fifomq/log.hpp>
#include <fifomq/transport.hpp>

#include "payload_types.hpp"

namespace fifomq {

// As the command line says.
struct TypedSettings {
  std::string descriptor_set;  // a file, or nothing
  std::string type;            // a full name, or nothing
};

// Shows payloads as Protobuf JSON: of the type that a message names, or else of `type`. What it
// cannot show so, it shows in base64, and says why, once a type. Nothing where no descriptors are
// given. Throws ConfigError.
ShowPayload payload_shower(const TypedSettings& settings, const LogSink& log);

// Takes lines of JSON, and sends them as messages of one type. One that does not fit is an Error
// (not_representable), which says its line.
class JsonSender final : public ForwardingSender {
 public:
  // Throws ConfigError.
  JsonSender(std::unique_ptr<Sender> to, const TypedSettings& settings, LogSink log);

  // The lines that come are those of that source, which `from` reads, and which outlives what is
  // sent of it.
  void begin(std::string source, const Receiver& from);

  SendResult send(const MessageView& message, Deadline deadline) override;

 private:
  [[noreturn]] void refuse(const std::string& why);

  const PayloadTypes types_;
  const PayloadTypes::Type& type_;
  const LogSink log_;
  std::string source_;
  const Receiver* from_ = nullptr;
  std::uint64_t refused_ = 0;
};

}  // namespace fifomq
