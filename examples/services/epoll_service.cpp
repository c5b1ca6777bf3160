// epoll_service IN OUT: a service with an event loop of its own, on epoll. It sends on in capital
// letters what comes in, until SIGTERM or SIGINT. Where OUT is full, it takes nothing more from IN:
// so the back pressure reaches whoever sends to it.
//   epoll_service fifo:./in fifo:./out
//   epoll_service 'fifo:./in?framing=line' zmq+push:@ipc://out.sock
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fifomq/builtin.hpp>

namespace {

class EpollService {
 public:
  EpollService(std::unique_ptr<fifomq::Receiver> in, std::unique_ptr<fifomq::Sender> out)
      : in_(std::move(in)), out_(std::move(out)) {}

  // What the loop waits for: room when a reply waits for it, otherwise the next message.
  int waits_for() const { return reply_ ? out_->poll_fd() : in_->poll_fd(); }

  // Does what can be done without waiting, but no more than a share, because the loop has others to
  // serve. False when nothing more will come.
  bool step() {
    for (int i = 0; i < kShare; ++i) {
      if (!reply_) {
        fifomq::MessageView message;
        const auto received = in_->receive(message, fifomq::Deadline::now());
        if (received == fifomq::ReceiveResult::timed_out) return true;
        if (received != fifomq::ReceiveResult::received) return false;
        answer(message);
      }
      const auto sent = out_->send(reply_->view(), fifomq::Deadline::now());
      if (fifomq::would_wait(sent)) return true;
      if (sent == fifomq::SendResult::closed) return false;
      reply_.reset();
    }
    return true;
  }

 private:
  static constexpr int kShare = 64;  // messages

  void answer(const fifomq::MessageView& message) {
    reply_.emplace(message);
    // The reply is a message of this service's own, numbered by its own sender.
    reply_->origin.reset();
    std::ranges::transform(reply_->payload, reply_->payload.begin(), [](std::byte letter) {
      return static_cast<std::byte>(std::toupper(std::to_integer<unsigned char>(letter)));
    });
  }

  std::unique_ptr<fifomq::Receiver> in_;
  std::unique_ptr<fifomq::Sender> out_;
  std::optional<fifomq::Message> reply_;  // waits for room
};

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// Level-triggered, as poll_fd() is.
void watch(int epoll, int operation, int descriptor) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
  checked(epoll_ctl(epoll, operation, descriptor, &event), "epoll_ctl");
}

void run(EpollService& service, int stop) {
  const int epoll =
      checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");  // until the process ends
  watch(epoll, EPOLL_CTL_ADD, stop);
  int watched = service.waits_for();
  watch(epoll, EPOLL_CTL_ADD, watched);
  for (bool more = true; more;) {
    if (const int wanted = service.waits_for(); wanted != watched) {
      watch(epoll, EPOLL_CTL_DEL, watched);
      watch(epoll, EPOLL_CTL_ADD, wanted);
      watched = wanted;
    }
    epoll_event event{};
    if (epoll_wait(epoll, &event, 1, -1) < 0) continue;  // EINTR
    more = event.data.fd != stop && service.step();
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: epoll_service IN OUT\n";
    return 2;
  }
  // Before the channels are opened: threads that they may start take no signals then.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int stop = checked(signalfd(-1, &signals, SFD_CLOEXEC), "signalfd");

  const fifomq::Registry transports = fifomq::builtin_transports();
  EpollService service(transports.open_receiver(argv[1]), transports.open_sender(argv[2]));
  run(service, stop);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "epoll_service: " << error.what() << "\n";
  return 2;
}
