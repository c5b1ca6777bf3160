// batch=SIZE: many frames in one ZeroMQ message, delimited as in a pipe.
#pragma once

#include <string>

#include "in_flight.hpp"

namespace fifomq::zeromq {

// Whether delimited frames stand in a ZeroMQ message where one frame alone could: a frame begins
// with its sync field, and in a batch its length comes first.
bool is_batch(ByteView body);

// The batch that is being filled, in place.
class Batch {
 public:
  // At most so many bytes in memory, of which the frames get nearly all.
  Batch(InFlight& in_flight, std::size_t bytes)
      : in_flight_(in_flight), capacity_(bytes - InFlight::kHeadBytes) {}

  bool empty() const { return messages_ == 0; }
  std::uint64_t messages() const { return messages_; }
  // Of all messages in it.
  const std::string& topic() const { return topic_; }

  enum class Fit {
    appended,
    not_now,  // this batch has to leave first
    never,    // the message is larger than a batch
  };
  // The message has an origin.
  Fit append(const MessageView& message);

  // Makes it a message, starts anew, and says how many bytes it has.
  std::size_t finish(zmq::message_t& message);

 private:
  InFlight& in_flight_;
  const std::size_t capacity_;  // bytes
  std::size_t size_ = 0;        // bytes
  std::uint64_t messages_ = 0;
  std::string topic_;
};

}  // namespace fifomq::zeromq
