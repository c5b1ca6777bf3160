// A file of frames, to which a bridge appends the messages that its far side refuses for good.
// `fifomq recv "-?framing=frame" < FILE` reads it.
//
// Frames find their own beginning again: what a crash left torn at the end hides nothing that is
// appended behind it. So several bridges may share a file, and it may be emptied at any time.
#pragma once

#include <string>

#include <fifomq/relay.hpp>

#include "core/byte_buffer.hpp"
#include "core/frame_encoder.hpp"
#include "core/unique_fd.hpp"

namespace fifomq {

class DeadLetterFile final : public DeadLetters {
 public:
  // Makes it with mode 0600 where there is none. Throws ConfigError with `place`, where the path
  // was written.
  DeadLetterFile(const std::string& place, const std::string& path);

  // Throws what opening it would throw, and makes nothing.
  static void check(const std::string& place, const std::string& path);

  void put(const MessageView& message) override;
  void sync() override;

 private:
  void write_pieces();
  void write_all(ByteView bytes) const;

  const std::string path_;
  core::UniqueFd file_;
  core::FrameEncoder encoder_;
  core::ByteBuffer pieces_;
};

}  // namespace fifomq
