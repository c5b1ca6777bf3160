#pragma once

#include <memory>
#include <optional>

#include <fifomq/log.hpp>

#include "core/stream_sender.hpp"
#include "core/unique_fd.hpp"
#include "fifo_options.hpp"
#include "path_watch.hpp"

namespace fifomq::fifo {

// The writing end. Once open it stays open when the reader leaves: what is in the pipe waits there
// for the next one; unless the path leads to another FIFO by then, which is written to from then
// on.
class FifoSink final : public core::ByteSink {
 public:
  FifoSink(FifoOptions options, LogSink log);

  void attach(core::Readiness& readiness) override;
  core::IoResult write(ByteView bytes) override;
  core::IoResult splice(std::span<const iovec> pages) override;
  bool can_splice() const override { return can_splice_; }
  bool reuses_pages() const override { return options_.reuses_pages; }
  std::optional<std::size_t> pages_until_read() override;
  void renew() override;

 private:
  template <typename Move>
  core::IoResult to_reader(const Move& move);
  void make_events();
  void follow_path();
  bool open_writer();
  core::IoResult wait_for_descriptor() noexcept;
  void expect_reader();
  void found_reader();

  const FifoOptions options_;
  const LogSink log_;
  core::UniqueFd handle_;
  core::UniqueFd writer_;
  std::unique_ptr<PathWatch> watch_;  // also tells that somebody opened the FIFO
  core::UniqueFd retry_;              // timer, where no event would come
  core::Readiness* readiness_ = nullptr;
  bool can_splice_;
  bool expecting_ = false;     // no reader was there at the last attempt
  bool told_of_lack_ = false;  // of descriptors
  bool moved_ = false;         // and nobody has asked since
};

}  // namespace fifomq::fifo
