// The one small interface behind which every rival stands, the library's channels among them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/message.hpp>

#include "pinned.hpp"

namespace compare {

// What a rival needs to know to make a link.
struct Place {
  std::filesystem::path stem;  // where its files go: a path to which it may append
  std::size_t message_bytes = 0;
};

class Sink : public Pinned {
 public:
  virtual void send(fifomq::ByteView payload) = 0;
  // Until all has left this process, where the rival knows.
  virtual void flush() {}
};

class Source : public Pinned {
 public:
  // Waits for a message; valid until the next call.
  virtual fifomq::ByteView receive() = 0;
};

// One direction. Made by the parent, before it starts the processes; each end is then opened by the
// process that uses it, the source first.
class Link : public Pinned {
 public:
  virtual std::unique_ptr<Source> open_source() = 0;
  virtual std::unique_ptr<Sink> open_sink() = 0;
  // The program that must run between the two ends; empty when there is none.
  virtual std::vector<std::string> relay_command() const { return {}; }
};

struct Transport {
  std::string name;
  std::function<std::unique_ptr<Link>(const Place&)> make_link;
  std::size_t largest_message_bytes = std::numeric_limits<std::size_t>::max();
  // Both ends belong to one process, each to a thread of its own.
  bool in_threads = false;
  // Those that collect messages, or need one system call for each byte, have no round trip to show.
  bool has_round_trip = true;
  // Its ends wait without sleeping.
  bool spins = false;
};

}  // namespace compare
