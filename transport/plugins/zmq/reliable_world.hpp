// A sender, a receiver, and a network that loses, repeats and reorders what is between them, while
// both crash and come back; and what may never be true of them. The halves are those that the
// transport runs, not a model of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reliable_inbox.hpp"
#include "reliable_outbox.hpp"

namespace fifomq::zeromq {

// What makes two states different: all but the order in which streams were heard of.
class OutboxState {
 public:
  template <typename Body, typename Put>
  static void put(const Outbox<Body>& outbox, const Put& put) {
    for (std::size_t at = 0; at < outbox.parcels_.size(); ++at) {
      put(outbox.parcels_[at].first);
      put(outbox.parcels_[at].messages);
    }
    for (const std::uint64_t value :
         {outbox.stream_, std::uint64_t{outbox.cursor_}, outbox.end_, outbox.acknowledged_,
          outbox.sent_, outbox.epoch_, std::uint64_t{outbox.greeted_}, outbox.credit_,
          std::uint64_t{outbox.reply_.has_value()}}) {
      put(value);
    }
    if (outbox.reply_) put(static_cast<std::uint64_t>(*outbox.reply_));
  }
  template <typename Body>
  static std::uint64_t epoch(const Outbox<Body>& outbox) {
    return outbox.epoch_;
  }
};

class InboxState {
 public:
  template <typename Put>
  static void put(const Inbox& inbox, const Put& put) {
    for (const Inbox::Stream& stream : inbox.streams_) {
      for (const std::uint64_t value :
           {stream.id, stream.epoch, stream.next, stream.committed, stream.acknowledged,
            stream.asked_for, stream.uncommitted, std::uint64_t{stream.owes_ack}}) {
        put(value);
      }
    }
    for (std::size_t at = 0; at < inbox.runs_.size(); ++at) {
      const auto& run = inbox.runs_[at];
      for (const std::uint64_t value :
           {std::uint64_t{run.stream}, run.first, run.messages, run.through}) {
        put(value);
      }
    }
    put(inbox.handed_out_ - inbox.done_);
  }
};

inline constexpr std::uint64_t kTooLarge = 2;     // this one is dropped by the receiver
inline constexpr std::uint64_t kParcelBytes = 1;  // of a message in it
inline constexpr std::uint64_t kCredit = 2;
inline constexpr std::size_t kMostOnTheWay = 2;  // in each direction
inline constexpr std::uint64_t kMostEpochs = 1;  // without reconnecting

struct Budget {
  std::uint64_t messages;  // in the source, numbered 1 ...
  int reconnects = 0;
  int receiver_crashes = 0;
  int sender_crashes = 0;
  int repeats = 0;
};

// A parcel's body: the source's numbers of what is in it.
struct Body {
  std::uint64_t first = 0;
  std::uint64_t messages = 0;
};

struct Taken {
  std::uint64_t stream;
  std::uint64_t number;
};

struct OnTheWay {
  Header header;
  Body body{};
};

// A source that keeps what is not settled, a sender, a network, a receiver, and a consumer whose
// work is done when it commits.
class World {
 public:
  explicit World(const Budget& budget)
      : budget_(budget), most_epochs_(kMostEpochs + static_cast<std::uint64_t>(budget.reconnects)) {
    outbox_.begin_epoch();
  }

  struct Action {
    const char* name;
    std::size_t argument = 0;
  };

  std::vector<Action> actions() {
    std::vector<Action> all;
    if (goes_too_far()) return all;
    const bool room = to_receiver_.size() < kMostOnTheWay;
    if (outbox_.accepted() - outbox_.acknowledged() < 2) {
      for (std::size_t count = 1; count <= 2; ++count) {
        if (taken_ + count <= budget_.messages) all.push_back({"keep", count});
      }
    }
    if (room && outbox_.reply()) all.push_back({"say"});
    if (room && outbox_.next() != nullptr) all.push_back({"send"});
    // An impatient sender would only make the same states again.
    if (to_receiver_.empty() && outbox_.awaits_answer() && !outbox_.reply())
      all.push_back({"ping"});
    for (std::size_t at = 0; at < to_receiver_.size(); ++at) {
      all.push_back({"arrive", at});
      all.push_back({"lose", at});
      if (budget_.repeats > 0) all.push_back({"repeat", at});
    }
    for (std::size_t at = 0; at < to_sender_.size(); ++at) {
      all.push_back({"answer", at});
      all.push_back({"lose answer", at});
      if (budget_.repeats > 0) all.push_back({"repeat answer", at});
    }
    if (committed_ < inbox_.handed_out()) all.push_back({"commit"});
    if (inbox_.owes_acks()) all.push_back({"acknowledge"});
    if (budget_.reconnects > 0) all.push_back({"reconnect"});
    if (budget_.receiver_crashes > 0) all.push_back({"receiver crashes"});
    if (budget_.sender_crashes > 0) all.push_back({"sender crashes"});
    return all;
  }

  void act(const Action& action) {
    const std::string_view name = action.name;
    const std::size_t at = action.argument;
    if (name == "keep") keep(at);
    if (name == "say") say();
    if (name == "send") send();
    if (name == "ping") to_receiver_.push_back({outbox_.ping()});
    if (name == "arrive" || name == "repeat") arrive(at, name == "repeat");
    if (name == "lose") to_receiver_.erase(to_receiver_.begin() + static_cast<long>(at));
    if (name == "answer" || name == "repeat answer") answer(at, name == "repeat answer");
    if (name == "lose answer") to_sender_.erase(to_sender_.begin() + static_cast<long>(at));
    if (name == "commit") commit();
    if (name == "acknowledge") acknowledge();
    if (name == "reconnect") reconnect();
    if (name == "receiver crashes") crash_receiver();
    if (name == "sender crashes") crash_sender();
    if (settled() > durable_) broken_ = "the source let go of what is not committed";
  }

  bool finished() const { return settled() == budget_.messages; }
  // Whoever hears nothing may begin again and again: here it is followed no further, but for the
  // way to the end.
  bool goes_too_far() const { return OutboxState::epoch(outbox_) > most_epochs_; }
  const std::string& broken() const { return broken_; }

  // Nothing goes wrong any more: what can be done is done in turn.
  void run_fair() {
    for (int turn = 0; turn < 100 && !finished() && broken_.empty(); ++turn) {
      while (!to_receiver_.empty()) arrive(0, false);
      while (committed_ < inbox_.handed_out()) commit();
      acknowledge();
      while (!to_sender_.empty()) answer(0, false);
      if (taken_ < budget_.messages && outbox_.all_acknowledged()) keep(1);
      if (outbox_.reply()) say();
      bool sent = false;
      for (; outbox_.next() != nullptr; sent = true) send();
      if (!sent && outbox_.awaits_answer()) to_receiver_.push_back({outbox_.ping()});
    }
  }

  // 128 bits of it: two states in a billion that look alike are as good as impossible.
  std::array<std::uint64_t, 2> key() const {
    std::array<std::uint64_t, 2> hash{0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F};
    const auto put = [&hash](std::uint64_t value) {
      hash[0] = (hash[0] ^ value) * 0xFF51AFD7ED558CCD;
      hash[0] ^= hash[0] >> 32;
      hash[1] = (hash[1] + value) * 0xC4CEB9FE1A85EC53;
      hash[1] ^= hash[1] >> 29;
    };
    OutboxState::put(outbox_, put);
    put(~std::uint64_t{0});
    InboxState::put(inbox_, put);
    for (const auto* way : {&to_receiver_, &to_sender_}) {
      put(way->size());
      // In which order they stand there is of no importance: any of them may arrive next.
      std::vector<std::string> sorted;
      for (const OnTheWay& each : *way) {
        std::string& text = sorted.emplace_back();
        serialize(each.header, text);
        text += {static_cast<char>(each.body.first), static_cast<char>(each.body.messages)};
      }
      std::ranges::sort(sorted);
      for (const std::string& each : sorted) {
        for (const char c : each) put(static_cast<unsigned char>(c));
        put(0x100);
      }
    }
    for (const int value :
         {budget_.reconnects, budget_.receiver_crashes, budget_.sender_crashes, budget_.repeats}) {
      put(static_cast<std::uint64_t>(value));
    }
    for (const std::uint64_t value : {taken_, base_, durable_, last_handed_out_}) put(value);
    for (const Taken& taken : uncommitted_) put(taken.stream << 32 | taken.number);
    for (const std::uint64_t number : last_of_) put(number);
    return hash;
  }

 private:
  std::uint64_t settled() const { return base_ + outbox_.acknowledged(); }

  void keep(std::size_t count) {
    outbox_.keep({taken_ + 1, count}, count, kParcelBytes * count, 0);
    taken_ += count;
  }
  void say() {
    const Header reply = *outbox_.reply();
    if (reply.sequence != outbox_.acknowledged() + 1) {
      broken_ = "the receiver is told to expect what is acknowledged";
    }
    to_receiver_.push_back({reply});
    outbox_.replied();
  }
  void send() {
    const auto* const parcel = outbox_.next();
    to_receiver_.push_back(
        {Header{.kind = Header::Kind::data, .stream = outbox_.stream(), .sequence = parcel->first},
         parcel->body});
    outbox_.next_is_sent();
  }

  OnTheWay pick(std::vector<OnTheWay>& way, std::size_t at, bool again) {
    OnTheWay picked = way[at];
    if (again) {
      --budget_.repeats;
    } else {
      way.erase(way.begin() + static_cast<long>(at));
    }
    return picked;
  }

  void arrive(std::size_t at, bool again) {
    const OnTheWay arrived = pick(to_receiver_, at, again);
    std::optional<Header> reply;
    if (arrived.header.kind != Header::Kind::data) {
      reply = inbox_.take(arrived.header, "route");
    } else if (auto* const stream = inbox_.open(arrived.header, reply)) {
      for (std::uint64_t i = 0; i < arrived.body.messages; ++i) {
        if (arrived.header.sequence + i < stream->next) continue;
        take(*stream, arrived.body.first + i);
      }
    }
    if (reply) tell(*reply);
  }

  void take(Inbox::Stream& stream, std::uint64_t number) {
    if (number > last_handed_out_ + 1 && number > durable_ + 1) broken_ = "a message is left out";
    // The stream of a sender that has come back begins with what may have been had: this is what
    // DuplicateFilter is for. One and the same stream repeats nothing.
    if (number <= last_of_.at(stream.id)) broken_ = "a message came twice";
    last_of_.at(stream.id) = number;
    last_handed_out_ = std::max(last_handed_out_, number);
    if (number == kTooLarge) {
      inbox_.drop(stream);
    } else {
      inbox_.hand_out(stream);
    }
    uncommitted_.push_back({stream.id, number});
    settle_dropped();
  }

  // What is dropped is settled as soon as all before it in its stream is.
  void settle_dropped() {
    for (std::size_t at = 0; at < uncommitted_.size();) {
      const std::uint64_t stream = uncommitted_[at].stream;
      const bool first = std::ranges::find(uncommitted_, stream, &Taken::stream) ==
                         uncommitted_.begin() + static_cast<long>(at);
      if (!first || uncommitted_[at].number != kTooLarge) {
        ++at;
      } else {
        settle(at);
      }
    }
  }

  void settle(std::size_t at) {
    durable_ = std::max(durable_, uncommitted_[at].number);
    uncommitted_.erase(uncommitted_.begin() + static_cast<long>(at));
  }

  void commit() {
    inbox_.commit(++committed_);
    const auto handed_out = std::ranges::find_if(
        uncommitted_, [](const Taken& taken) { return taken.number != kTooLarge; });
    settle(static_cast<std::size_t>(handed_out - uncommitted_.begin()));
    settle_dropped();
  }

  void acknowledge() {
    inbox_.acknowledge([this](const Header& ack, std::string_view) { tell(ack); });
  }
  // What finds no room is lost, as in a queue that is full.
  void tell(const Header& header) {
    if (to_sender_.size() < kMostOnTheWay) to_sender_.push_back({header});
  }
  void answer(std::size_t at, bool again) { outbox_.take(pick(to_sender_, at, again).header); }

  void reconnect() {
    --budget_.reconnects;
    outbox_.begin_epoch();
  }
  void crash_receiver() {
    --budget_.receiver_crashes;
    inbox_ = Inbox(kCredit);
    committed_ = 0;
    last_handed_out_ = durable_;
    last_of_ = {};
    uncommitted_.clear();
  }
  void crash_sender() {
    --budget_.sender_crashes;
    base_ = taken_ = settled();
    outbox_ = Outbox<Body>(outbox_.stream() + 1);
    outbox_.begin_epoch();
  }

  Budget budget_;
  std::uint64_t most_epochs_;
  std::uint64_t base_ = 0;   // settled by senders that are gone
  std::uint64_t taken_ = 0;  // out of the source
  Outbox<Body> outbox_{1};
  std::vector<OnTheWay> to_receiver_;
  std::vector<OnTheWay> to_sender_;
  Inbox inbox_{kCredit};
  std::uint64_t committed_ = 0;  // of this receiver's messages, how many
  std::uint64_t durable_ = 0;    // the consumer has done with 1 ... durable_
  std::uint64_t last_handed_out_ = 0;
  std::array<std::uint64_t, 3> last_of_{};  // of each stream, what this receiver got
  std::vector<Taken> uncommitted_;          // or dropped behind what is
  std::string broken_;
};

}  // namespace fifomq::zeromq
