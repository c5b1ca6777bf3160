// Messages as people and scripts read them: all but `raw` give one line a message.
#pragma once

#include <string>
#include <utility>

#include <fifomq/transport.hpp>

#include "core/buffered_encoder.hpp"

namespace fifomq::stdio {

enum class Format {
  text,  // the payload; control characters but tab escaped, so that a line stays a line
  json,  // an object with everything the message has
  hex,   // the payload in hexadecimal
  raw,   // the payload as it is, with nothing behind it
};

class RecordEncoder final : public core::BufferedEncoder {
 public:
  // `show` may be empty: payloads as they are.
  RecordEncoder(Format format, ShowPayload show) : format_(format), show_(std::move(show)) {}

  bool begin(const MessageView& message) override;
  const char* refusal() const override { return nullptr; }

 private:
  void add_text(const MessageView& message);

  const Format format_;
  const ShowPayload show_;
  std::string line_;
};

}  // namespace fifomq::stdio
