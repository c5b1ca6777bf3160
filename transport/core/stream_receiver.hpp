// A Receiver on any byte stream: a source that gives bytes, a decoder that finds messages in them.
#pragma once

#include <memory>
#include <optional>

#include <fifomq/transport.hpp>

#include "core/decoder.hpp"
#include "core/posix.hpp"
#include "core/readiness.hpp"
#include "core/short_wait.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::core {

// Where the bytes come from. Used by the receiver's thread only.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource(ByteSource&&) = delete;
  ByteSource& operator=(ByteSource&&) = delete;
  virtual ~ByteSource() = default;

  // Lets `readiness` know what to wait for. Called once, before the first read.
  virtual void attach(Readiness& readiness) = 0;

  // Never waits. no_peer: nothing is there, nor anybody who could write more of what is half done.
  virtual IoResult read(std::span<std::byte> into) = 0;

  // Called before waiting. While something is half done, the source is to become readable as soon
  // as nobody is left who could write its rest, if it can tell.
  virtual void watch_writers(bool /*half_done*/) {}
};

class StreamReceiver final : public Receiver {
 public:
  // `busy_poll`: how long receive() asks the source again and again before it sleeps.
  StreamReceiver(Endpoint endpoint, Capabilities capabilities, std::unique_ptr<ByteSource> source,
                 std::unique_ptr<Decoder> decoder, std::optional<std::uint64_t> take_at_most,
                 std::chrono::nanoseconds busy_poll = {});

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return capabilities_; }
  int poll_fd() override;
  Counters counters() const override { return decoder_->counters(); }
  void close() noexcept override { readiness_.close(); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override;
  void commit(std::uint64_t) override {}

 private:
  bool next(MessageView& message);
  bool fill();
  bool spin(Deadline deadline);
  void tick(bool needed);

  const Endpoint endpoint_;
  const Capabilities capabilities_;
  Readiness readiness_;
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<Decoder> decoder_;
  const std::chrono::nanoseconds busy_poll_;
  std::optional<std::uint64_t> left_;  // messages that may still be taken
  UniqueFd timer_;                     // ticks while something is half done
  bool ticking_ = false;
  ShortWait short_wait_;
  std::size_t last_read_ = 0;  // bytes
  bool polled_ = false;        // somebody waits on poll_fd()
  bool ended_ = false;
};

}  // namespace fifomq::core
