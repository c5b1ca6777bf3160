#pragma once

#include <fifomq/log.hpp>

#include "core/stream_receiver.hpp"
#include "fifo_options.hpp"
#include "path_watch.hpp"
#include "pipe_peek.hpp"

namespace fifomq::fifo {

// The reading end. It holds a writing end of its own, so that the last writer's leaving is no end
// of file, which would be reported over and over, and what waits in the pipe outlives its writers.
// Only while a message is half done it lets go of it, and the kernel tells when the last writer who
// could go on has left.
//
// When the path comes to lead to another FIFO, that is the successor, and this one is read until
// its writers have left.
//
// With `keeps`, what is read stays in the pipe until it is taken, where the system lets us.
class FifoSource final : public core::ByteSource {
 public:
  FifoSource(const FifoOptions& options, const LogSink& log, bool keeps);
  // On a FIFO that was located. Throws Error (in_use), and what the system refuses.
  FifoSource(FifoOptions options, LogSink log, bool keeps, core::UniqueFd handle,
             std::unique_ptr<PathWatch> watch);

  // Whether what is read stays in the pipe until it is taken.
  bool keeps() const { return peek_.has_value(); }

  void attach(core::Readiness& readiness) override;
  core::IoResult read(std::span<std::byte> into) override;
  void watch_writers(bool half_done) override;
  std::unique_ptr<core::ByteSource> successor() override;
  std::uint64_t backlog() const override;
  bool take_until(std::uint64_t place) override;
  bool full() override { return peek_->full(); }

 private:
  void widen(int usual);
  void keep();
  // go_on: does without for now, where no descriptor is left. While there is no other writer, the
  // pipe is then ready for nothing all the time.
  enum class IfUsedUp { fail, go_on };
  void hold(IfUsedUp if_used_up);
  core::IoResult read_some(std::span<std::byte> into);
  void tell_of_thief();
  core::IoResult look_for_writers(std::span<std::byte> into);

  const FifoOptions options_;
  const LogSink log_;
  std::unique_ptr<PathWatch> watch_;  // until this one has a successor
  core::UniqueFd handle_;
  core::UniqueFd reader_;
  core::UniqueFd writer_;
  std::optional<PipePeek> peek_;
  bool replaced_ = false;
  bool told_of_thief_ = false;
};

}  // namespace fifomq::fifo
