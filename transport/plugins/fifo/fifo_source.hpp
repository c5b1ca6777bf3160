#pragma once

#include <fifomq/log.hpp>

#include "core/stream_receiver.hpp"
#include "fifo_options.hpp"

namespace fifomq::fifo {

// The reading end. It holds a writing end of its own, so that the last writer's leaving is no end
// of file, which would be reported over and over, and what waits in the pipe outlives its writers.
class FifoSource final : public core::ByteSource {
 public:
  FifoSource(const FifoOptions& options, const LogSink& log);

  void attach(core::Readiness& readiness) override;
  core::IoResult read(std::span<std::byte> into) override;

 private:
  core::UniqueFd reader_;
  core::UniqueFd writer_;  // none with eof=exit
};

}  // namespace fifomq::fifo
