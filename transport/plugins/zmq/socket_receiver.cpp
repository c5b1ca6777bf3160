#include "socket_receiver.hpp"

#include <utility>

#include <fifomq/error.hpp>

#include "core/framing.hpp"

namespace fifomq::zeromq {
namespace {

// How many refused messages go by between two looks at the clock.
constexpr std::size_t kRefusedBetweenLooks = 256;

}  // namespace

SocketReceiver::SocketReceiver(Endpoint endpoint, ZmqOptions options,
                               std::shared_ptr<Context> context, zmq::socket_type type,
                               const OpenOptions& open, std::string_view no_frame)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      reader_(options_.max_message, core::notice_for(endpoint_, open.log), no_frame),
      socket_(std::move(context), options_, type, Direction::receive, open.log),
      left_(open.take_at_most) {
  socket_.readiness().signal();
}

Counters SocketReceiver::counters() const {
  Counters all = counters_;
  socket_.count_peers(all);
  return all;
}

ReceiveResult SocketReceiver::receive(MessageView& message, Deadline deadline) {
  try {
    return take(message, deadline);
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint_.text(), "receive");
  }
}

ReceiveResult SocketReceiver::take(MessageView& message, Deadline deadline) {
  core::Readiness& readiness = socket_.readiness();
  for (std::size_t refused = 0; !readiness.closed();) {
    if (left_ == 0) {
      before_rest();
      readiness.signal();
      return ReceiveResult::end_of_stream;
    }
    switch (attempt(message)) {
      case Attempt::message:
        if (left_) --*left_;
        readiness.stay_signalled();
        return ReceiveResult::received;
      case Attempt::refused:
        if (++refused % kRefusedBetweenLooks == 0 && deadline.expired())
          return ReceiveResult::timed_out;
        continue;
      case Attempt::nothing:
        break;
    }
    before_rest();
    readiness.clear();
    socket_.peers().update();
    // Takes back the edge that the descriptor shows; from here on a new message makes a new one.
    if ((socket_.events() & ZMQ_POLLIN) != 0) continue;
    if (!readiness.wait(deadline)) return ReceiveResult::timed_out;
  }
  return ReceiveResult::closed;
}

}  // namespace fifomq::zeromq
