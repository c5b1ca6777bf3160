// Messages as people and scripts read them: all but `raw` give one line a message.
#pragma once

#include <string>

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
  explicit RecordEncoder(Format format) : format_(format) {}

  bool begin(const MessageView& message) override;
  const char* refusal() const override { return nullptr; }

 private:
  const Format format_;
  std::string line_;
};

}  // namespace fifomq::stdio
