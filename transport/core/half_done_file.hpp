// Keeps what a receiver had to take out of its source before it was whole, so that it outlives the
// process.
#pragma once

#include <string>
#include <utility>

#include "core/byte_buffer.hpp"

namespace fifomq::core {

class HalfDoneFile {
 public:
  // Makes nothing yet. Belongs to whoever has the source.
  explicit HalfDoneFile(std::string path) : path_(std::move(path)) {}

  // What an earlier process has kept. Throws Error.
  ByteBuffer load();
  // In place of what was kept before, all or nothing. False when there is no room for it.
  bool keep(ByteView bytes);
  // It is not needed any more.
  void clear() noexcept;

 private:
  std::string path_;
  bool is_there_ = false;
};

}  // namespace fifomq::core
