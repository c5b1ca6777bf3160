// batch=SIZE: many frames in one ZeroMQ message, delimited as in a pipe.
#pragma once

#include <string>
#include <string_view>

#include "core/frame_body.hpp"
#include "in_flight.hpp"

namespace fifomq::zeromq {

// The batch that is being filled, in place.
class Batch {
 public:
  enum class Topics { one, any };  // among the messages of one batch

  // At most so many bytes in memory, of which the frames get nearly all.
  Batch(InFlight& in_flight, std::size_t bytes, Topics topics = Topics::one)
      : in_flight_(in_flight), capacity_(bytes - InFlight::kHeadBytes), topics_(topics) {}

  bool empty() const { return messages_ == 0; }
  std::uint64_t messages() const { return messages_; }
  // Of all messages in it, where they have one.
  const std::string& topic() const { return topic_; }

  // Whether it is begun, and so many bytes more fit into it, the length in front of them included.
  bool has_room(std::size_t bytes) const { return !empty() && size_ + bytes <= capacity_; }

  enum class Fit {
    appended,
    not_now,  // this batch has to leave first
    never,    // the message is larger than a batch
  };
  // `topic` is the message's.
  Fit append(const core::FrameBody& body, std::string_view topic);

  struct Finished {
    std::size_t bytes;
    std::size_t memory;  // that they keep, in bytes
  };
  // Makes it a message, and starts anew.
  Finished finish(zmq::message_t& message);

 private:
  InFlight& in_flight_;
  const std::size_t capacity_;  // bytes
  const Topics topics_;
  std::size_t size_ = 0;  // bytes
  std::uint64_t messages_ = 0;
  std::string topic_;
};

}  // namespace fifomq::zeromq
