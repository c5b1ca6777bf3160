// A Sender on any byte stream: an encoder that makes pieces, a sink that takes each of them whole.
#pragma once

#include <memory>

#include <fifomq/channel.hpp>

#include "core/byte_buffer.hpp"
#include "core/encoder.hpp"
#include "core/posix.hpp"
#include "core/readiness.hpp"

namespace fifomq::core {

// Where the bytes go. Used by the sender's thread only.
class ByteSink {
 public:
  ByteSink() = default;
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;
  ByteSink(ByteSink&&) = delete;
  ByteSink& operator=(ByteSink&&) = delete;
  virtual ~ByteSink() = default;

  // Lets `readiness` know what to wait for. Called once, before the first write.
  virtual void attach(Readiness& readiness) = 0;

  // Never waits. Takes at most PIPE_BUF bytes; a pipe takes all of them or none.
  virtual IoResult write(ByteView bytes) = 0;
};

class StreamSender final : public Sender {
 public:
  StreamSender(Endpoint endpoint, Capabilities capabilities, std::unique_ptr<ByteSink> sink,
               std::unique_ptr<Encoder> encoder, std::uint64_t max_message);
  StreamSender(const StreamSender&) = delete;
  StreamSender& operator=(const StreamSender&) = delete;
  StreamSender(StreamSender&&) = delete;
  StreamSender& operator=(StreamSender&&) = delete;
  ~StreamSender() override;

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return capabilities_; }
  int poll_fd() override { return readiness_.fd(); }
  Counters counters() const override;
  void close() noexcept override { readiness_.close(); }

  SendResult send(const MessageView& message, Deadline deadline) override;
  SendResult flush(Deadline deadline) override;
  std::uint64_t settled() const override;

 private:
  void notice_fork();
  SendResult write(ByteView bytes, Deadline deadline, std::size_t& written);
  SendResult give_up(SendResult why, ByteView piece, std::size_t written);

  const Endpoint endpoint_;
  const Capabilities capabilities_;
  const std::uint64_t max_message_;
  Readiness readiness_;
  std::unique_ptr<ByteSink> sink_;
  std::unique_ptr<Encoder> encoder_;
  ByteBuffer owed_;            // written before anything else: a cancel, or the rest of a message
  bool owes_message_ = false;  // of a message that counts as sent
  std::uint64_t fork_generation_;
  Counters counters_;
};

}  // namespace fifomq::core
