// The receiver's half of the protocol, without sockets: who sends, which message of each comes
// next, what is committed, and what to answer. RELIABLE.md has the rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "reliable_header.hpp"
#include "ring.hpp"

namespace fifomq::zeromq {

class Inbox {
 public:
  // A stream that was not heard of for longest, and of which nothing is uncommitted, is forgotten
  // when there would be more. If it was still alive, it comes again with what is not acknowledged.
  static constexpr std::size_t kMostStreams = 1024;

  struct Stream {
    std::uint64_t id = 0;
    std::string route{};             // of the connection that said HELLO last
    std::uint64_t epoch = 0;         // of that HELLO
    std::uint64_t next = 1;          // sequence of the message that is taken next
    std::uint64_t committed = 0;     // all up to it
    std::uint64_t acknowledged = 0;  // the same, as the sender was told last
    std::uint64_t asked_for = 0;     // NACK was said for it, and it has not come yet
    std::uint64_t uncommitted = 0;   // messages handed out
    std::uint64_t heard_at = 0;
    bool owes_ack = false;  // stands in the list of those
  };

  explicit Inbox(std::uint64_t credit) : credit_(credit) {}

  // Takes what is no DATA, and returns the answer to whoever said it.
  std::optional<Header> take(const Header& header, std::string_view route);

  // The stream of DATA, if its first frames are wanted or were had before: those before
  // Stream::next are left out. Otherwise the answer stands in `answer`, if there is one. The stream
  // is valid until the next call of take().
  Stream* open(const Header& data, std::optional<Header>& answer);

  // Its next message is handed out, or dropped, which counts as committed in its place.
  void hand_out(Stream& stream);
  void drop(Stream& stream);

  // The first n messages handed out are done with.
  void commit(std::uint64_t n);
  std::uint64_t handed_out() const { return handed_out_; }

  bool owes_acks() const { return !owing_.empty(); }
  // `each` gets ACK and the route for each stream of which more is committed than its sender knows.
  template <typename Each>
  void acknowledge(const Each& each) {
    for (const std::size_t at : owing_) {
      Stream& stream = streams_[at];
      stream.owes_ack = false;
      if (stream.committed == stream.acknowledged) continue;
      stream.acknowledged = stream.committed;
      each(Header{.kind = Header::Kind::ack, .stream = stream.id, .sequence = stream.committed},
           stream.route);
    }
    owing_.clear();
  }

 private:
  friend class InboxState;  // the tests' search of all states

  // Messages handed out one after another, and in their places those that were dropped behind them.
  struct Run {
    std::size_t stream = 0;  // where it stands
    std::uint64_t first = 0;
    std::uint64_t messages = 0;
    std::uint64_t through = 0;  // the last one, dropped ones included
  };

  static constexpr std::size_t kNone = ~std::size_t{0};

  Stream* find(std::uint64_t id);
  Stream* make(std::uint64_t id);
  std::size_t free_place() const;
  std::size_t place_of(const Stream& stream) const {
    return static_cast<std::size_t>(&stream - streams_.data());
  }
  Header greet(Stream& stream);
  std::optional<Header> take_hello(const Header& header, std::string_view route);
  std::optional<Header> take_ping(const Header& header, std::string_view route);
  void skip_to(Stream& stream, std::uint64_t next);
  void committed(Stream& stream, std::uint64_t through);

  std::uint64_t credit_;
  std::vector<Stream> streams_;
  std::unordered_map<std::uint64_t, std::size_t> places_;  // in there, by their ids
  std::size_t latest_ = kNone;
  Ring<Run> runs_;
  std::uint64_t handed_out_ = 0;
  std::uint64_t done_ = 0;  // of them
  std::vector<std::size_t> owing_;
  std::uint64_t now_ = 0;  // counts what is heard
};

}  // namespace fifomq::zeromq
