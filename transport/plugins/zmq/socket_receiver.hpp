// What all receiving ends share: how they wait for the next message of their socket, and count.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include <fifomq/transport.hpp>

#include "core/body_reader.hpp"
#include "zmq_socket.hpp"

namespace fifomq::zeromq {

class SocketReceiver : public Receiver {
 public:
  const Endpoint& endpoint() const override { return endpoint_; }
  int poll_fd() override { return socket_.readiness().fd(); }
  Counters counters() const override;
  void close() noexcept override { socket_.readiness().close(); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override;

 protected:
  // `refused`: nothing to be handed out, and more may be there.
  enum class Attempt { message, refused, nothing };

  SocketReceiver(Endpoint endpoint, ZmqOptions options, std::shared_ptr<Context> context,
                 zmq::socket_type type, const OpenOptions& open,
                 std::string_view no_frame = core::BodyReader::kNoFrame);

  const ZmqOptions& options() const { return options_; }
  zmq::socket_t& zmq() { return socket_.zmq(); }
  PeerMonitor& peers() { return socket_.peers(); }
  Counters& counts() { return counters_; }
  core::BodyReader& reader() { return reader_; }
  bool refuse(std::uint64_t Counters::*reason, std::string_view sentence) {
    return reader_.refuse(reason, sentence, counters_);
  }
  // The stream ends here for this receiver.
  void end() { left_ = 0; }

 private:
  virtual Attempt attempt(MessageView& message) = 0;
  // Before it is waited for messages, and at the end.
  virtual void before_rest() {}

  ReceiveResult take(MessageView& message, Deadline deadline);

  const Endpoint endpoint_;
  const ZmqOptions options_;
  core::BodyReader reader_;
  mutable Socket socket_;
  std::optional<std::uint64_t> left_;
  Counters counters_;
};

}  // namespace fifomq::zeromq
