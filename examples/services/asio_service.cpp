// asio_service IN OUT: a service on asio (Debian: libasio-dev), which waits for channels, timers
// and signals alike. It sends on in capital letters what comes in, and says every second how many
// messages that were, if there were any. SIGTERM or SIGINT ends it.
//   asio_service fifo:./in fifo:./out
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <fifomq/builtin.hpp>

namespace {

using asio::posix::stream_descriptor;

class AsioService {
 public:
  AsioService(asio::io_context& loop, std::unique_ptr<fifomq::Receiver> in,
              std::unique_ptr<fifomq::Sender> out)
      : in_(std::move(in)),
        out_(std::move(out)),
        // The channels own their descriptors, and asio closes its own: it gets duplicates.
        message_(loop, dup(in_->poll_fd())),
        room_(loop, dup(out_->poll_fd())),
        second_(loop) {}

  void start() {
    step_when_readable(message_);
    report_in_a_second();
  }

 private:
  static constexpr int kShare = 64;  // messages in one turn, because the loop has others to serve

  void step_when_readable(stream_descriptor& descriptor) {
    descriptor.async_wait(stream_descriptor::wait_read, [this](std::error_code error) {
      if (!error) step();
    });
  }

  // Does what can be done without waiting, and asks to be called again.
  void step() {
    for (int i = 0; i < kShare; ++i) {
      if (!reply_) {
        fifomq::MessageView message;
        const auto received = in_->receive(message, fifomq::Deadline::now());
        if (received == fifomq::ReceiveResult::timed_out) break;
        if (received != fifomq::ReceiveResult::received) return;  // nothing more will come
        answer(message);
      }
      const auto sent = out_->send(reply_->view(), fifomq::Deadline::now());
      // Takes nothing more from IN meanwhile, so the back pressure reaches whoever sends to it.
      if (fifomq::would_wait(sent)) return step_when_readable(room_);
      reply_.reset();
      ++count_;
    }
    step_when_readable(message_);
  }

  void answer(const fifomq::MessageView& message) {
    reply_.emplace(message);
    reply_->origin.reset();  // a message of this service's own, numbered by its own sender
    std::ranges::transform(reply_->payload, reply_->payload.begin(), [](std::byte letter) {
      return static_cast<std::byte>(std::toupper(std::to_integer<unsigned char>(letter)));
    });
  }

  void report_in_a_second() {
    second_.expires_after(std::chrono::seconds(1));
    second_.async_wait([this](std::error_code error) {
      if (error) return;
      if (count_ > 0) std::cerr << "asio_service: " << std::exchange(count_, 0) << " messages\n";
      report_in_a_second();
    });
  }

  std::unique_ptr<fifomq::Receiver> in_;
  std::unique_ptr<fifomq::Sender> out_;
  stream_descriptor message_;
  stream_descriptor room_;
  asio::steady_timer second_;
  std::optional<fifomq::Message> reply_;  // waits for room
  std::uint64_t count_ = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: asio_service IN OUT\n";
    return 2;
  }
  asio::io_context loop;
  asio::signal_set stop(loop, SIGTERM, SIGINT);
  stop.async_wait([&loop](std::error_code, int) { loop.stop(); });

  const fifomq::Registry transports = fifomq::builtin_transports();
  AsioService service(loop, transports.open_receiver(argv[1]), transports.open_sender(argv[2]));
  service.start();
  loop.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "asio_service: " << error.what() << "\n";
  return 2;
}
