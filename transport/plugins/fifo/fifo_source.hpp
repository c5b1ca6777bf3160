#pragma once

#include <fifomq/log.hpp>

#include "core/stream_receiver.hpp"
#include "fifo_options.hpp"

namespace fifomq::fifo {

// The reading end. It holds a writing end of its own, so that the last writer's leaving is no end
// of file, which would be reported over and over, and what waits in the pipe outlives its writers.
// Only while a message is half done it lets go of it, and the kernel tells when the last writer who
// could go on has left.
class FifoSource final : public core::ByteSource {
 public:
  FifoSource(const FifoOptions& options, const LogSink& log);

  void attach(core::Readiness& readiness) override;
  core::IoResult read(std::span<std::byte> into) override;
  void watch_writers(bool half_done) override;

 private:
  void hold();

  const std::string endpoint_;
  const std::string path_;
  const bool end_with_writers_;
  core::UniqueFd handle_;
  core::UniqueFd reader_;
  core::UniqueFd writer_;
};

}  // namespace fifomq::fifo
