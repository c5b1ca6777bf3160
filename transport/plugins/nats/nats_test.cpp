// What stands between send() and the server: the window, against a server that loses, refuses, and
// answers late; and endpoints that are wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/error.hpp>

#include "nats_options.hpp"
#include "nats_server_test.hpp"
#include "part_taken.hpp"
#include "publish_window.hpp"

namespace fifomq::jetstream {
namespace {

// A stream as JetStream keeps it: by id, once, and directly behind the one that is named.
class FakeStream {
 public:
  enum class Answer { stored, known, out_of_place };

  // So many messages, the first one's sequence, in one.
  Answer take(const std::string& id, const std::string& after, std::uint64_t first,
              std::uint64_t messages) {
    if (ids_.contains(id)) return Answer::known;
    if (!after.empty() && last_id_ != after) return Answer::out_of_place;
    ids_.insert(last_id_ = id);
    for (std::uint64_t i = 0; i < messages; ++i) stored_.push_back(first + i);
    return Answer::stored;
  }
  // Of another sender.
  void take_foreign() { last_id_.clear(); }
  const std::vector<std::uint64_t>& stored() const { return stored_; }
  std::size_t ids() const { return ids_.size(); }

 private:
  std::set<std::string> ids_;
  std::string last_id_;
  std::vector<std::uint64_t> stored_;
};

constexpr std::uint64_t kMessages = 400;

Publication publication(std::uint64_t sequence, std::uint64_t bytes) {
  return {.id = {.writer = 1, .sequence = sequence},
          .memory = std::make_unique<std::byte[]>(bytes),
          .bytes = bytes,
          .room = bytes,
          .length = 1};
}

// One run: messages in flight are lost, full is answered, answers are lost or late, another sender
// comes between, connections break.
class Trial {
 public:
  Trial(std::uint64_t seed, std::uint64_t batch) : random_(seed), batch_(batch) {}

  void run() {
    std::uint64_t pushed = 0;
    for (int step = 0; window_.settled() < kMessages; ++step) {
      ASSERT_LT(step, 200'000) << "no progress";
      if (pushed < kMessages && window_.has_room(10) && one_in(2)) {
        window_.push(publication(++pushed, 10), batch_);
      }
      if (const auto next = window_.next()) {
        wire_.push_back({next->number, window_.attempt(), next->what->id.sequence,
                         next->what->messages, next->what->text_id(),
                         next->after != nullptr ? next->after->text_id() : std::string()});
      }
      if (!wire_.empty() && one_in(2)) serve();
      if (!answers_.empty() && one_in(2)) answer();
      if (one_in(20)) stream_.take_foreign();
      if (one_in(100)) break_connection();
      if (one_in(50)) window_.forget_settled();
      // What nobody answers any more.
      if (wire_.empty() && answers_.empty() && !window_.has_next()) window_.go_back(false);
    }
    ASSERT_EQ(window_.pushed(), kMessages);
    std::vector<std::uint64_t> all(kMessages);
    std::iota(all.begin(), all.end(), 1);
    ASSERT_EQ(stream_.stored(), all);
    published_together_ = stream_.ids() < kMessages;
  }
  bool published_together() const { return published_together_; }

 private:
  struct OnTheWay {
    std::uint64_t number;
    std::uint64_t attempt;
    std::uint64_t first;
    std::uint64_t messages;
    std::string id;
    std::string after;
  };
  struct Answer {
    std::uint64_t number;
    std::uint64_t attempt;
    bool is_yes;
    bool is_full;
  };

  bool one_in(std::uint64_t n) { return random_() % n == 0; }

  void serve() {
    const OnTheWay message = wire_.front();
    wire_.pop_front();
    if (one_in(10)) return;  // lost
    Answer answer{message.number, message.attempt, false, one_in(10)};
    if (!answer.is_full) {
      answer.is_yes = stream_.take(message.id, message.after, message.first, message.messages) !=
                      FakeStream::Answer::out_of_place;
    }
    if (!one_in(10)) answers_.push_back(answer);
  }

  void answer() {
    const auto at = static_cast<std::ptrdiff_t>(one_in(4) ? random_() % answers_.size() : 0);
    const Answer answer = answers_[static_cast<std::size_t>(at)];
    answers_.erase(answers_.begin() + at);
    if (answer.is_yes) {
      window_.acknowledge(answer.number);
    } else if (answer.attempt == window_.attempt()) {
      window_.go_back(answer.is_full);
    }
  }

  void break_connection() {
    wire_.resize(wire_.size() / 2);
    answers_.clear();
    window_.go_back(false);
  }

  std::mt19937_64 random_;
  const std::uint64_t batch_;
  bool published_together_ = false;
  PublishWindow window_{500};
  FakeStream stream_;
  std::deque<OnTheWay> wire_;
  std::deque<Answer> answers_;
};

TEST(PublishWindow, OrderIsKeptAndNothingIsStoredTwiceWhateverHappens) {
  const char* const given = std::getenv("FIFOMQ_SEED");
  const std::uint64_t first = given != nullptr ? std::stoull(given) : std::random_device{}();
  const int trials = given != nullptr ? 1 : 50;
  for (int trial = 0; trial < trials; ++trial) {
    const std::uint64_t seed = first + static_cast<std::uint64_t>(trial);
    SCOPED_TRACE("FIFOMQ_SEED=" + std::to_string(seed) + " repeats this");
    for (const std::uint64_t batch : {0U, 45U}) {
      Trial run(seed, batch);
      run.run();
      if (testing::Test::HasFatalFailure()) return;
      EXPECT_EQ(run.published_together(), batch > 0);
    }
  }
}

TEST(PublishWindow, IsBoundedInBytesAndHasRoomForOne) {
  PublishWindow window(100);
  EXPECT_TRUE(window.has_room(1'000'000));
  window.push(publication(1, 60), 0);
  EXPECT_TRUE(window.has_room(40));
  EXPECT_FALSE(window.has_room(41));
  window.next();
  EXPECT_TRUE(window.acknowledge(1));
  EXPECT_FALSE(window.acknowledge(1)) << "it was known";
  EXPECT_FALSE(window.acknowledge(2)) << "it was never sent";
  EXPECT_TRUE(window.has_room(1'000'000));
}

// While the server is busy, what comes is put into one; whatever has been published stays as it is.
TEST(PublishWindow, GathersWhileTheServerIsBusy) {
  PublishWindow window(1'000);
  const auto push = [&](std::uint64_t sequence) { window.push(publication(sequence, 10), 25); };
  for (const std::uint64_t sequence : {1U, 2U}) {
    push(sequence);
    ASSERT_TRUE(window.has_next());
    EXPECT_EQ(window.next()->what->messages, 1U);
  }
  push(3);
  EXPECT_FALSE(window.has_next());
  push(4);
  EXPECT_FALSE(window.has_next()) << "a third one would be too large, and has not come";
  push(5);
  ASSERT_TRUE(window.has_next());
  const auto full = window.next();
  EXPECT_EQ(full->what->messages, 2U);
  EXPECT_FALSE(window.has_next());
  window.acknowledge(1);
  window.acknowledge(2);
  EXPECT_EQ(window.settled(), 2U);
  ASSERT_TRUE(window.has_next()) << "the server is not busy any more";
  EXPECT_EQ(window.next()->what->messages, 1U);
  window.acknowledge(3);
  EXPECT_EQ(window.settled(), 4U);
  EXPECT_EQ(window.in_flight(), 1U);
}

// Two that have the same id are one to the server: the second is not stored.
TEST(Publication, AnotherContentHasAnotherId) {
  std::set<std::string> ids;
  for (const std::vector<std::uint64_t>& sequences :
       std::vector<std::vector<std::uint64_t>>{{1}, {1, 2}, {1, 3}, {1, 2, 3}, {1, 3, 2}, {2, 1}}) {
    Publication all = publication(sequences.front(), 10);
    for (std::size_t i = 1; i < sequences.size(); ++i) {
      ASSERT_TRUE(all.append(publication(sequences[i], 10), 100));
    }
    EXPECT_TRUE(ids.insert(all.text_id()).second) << all.text_id();
    EXPECT_EQ(all.messages, sequences.size());
  }
  EXPECT_TRUE(ids.contains("0000000000000001-1"));
}

TEST(PartTaken, StandsBehindWhatTheDescriptionSays) {
  EXPECT_EQ(read_part("").stream_sequence, 0U);
  EXPECT_EQ(read_part("mine [fifomq has taken of 17:").frames, 0U);
  const std::string once = with_part("mine", {.stream_sequence = 17, .frames = 3});
  const std::string twice = with_part(once, {.stream_sequence = 170, .frames = 30});
  EXPECT_TRUE(once.starts_with("mine"));
  EXPECT_EQ(read_part(once).stream_sequence, 17U);
  EXPECT_EQ(read_part(once).frames, 3U);
  EXPECT_EQ(read_part(twice).stream_sequence, 170U);
  EXPECT_EQ(read_part(twice).frames, 30U);
  EXPECT_EQ(twice.find("17:3]"), std::string::npos);
}

TEST(Subjects, AStreamsPatternCovers) {
  EXPECT_TRUE(covers("a.b", "a.b"));
  EXPECT_TRUE(covers("a.*", "a.b"));
  EXPECT_TRUE(covers("a.>", "a.b.c"));
  EXPECT_TRUE(covers(">", "a"));
  EXPECT_TRUE(covers("a.*", "a.*"));
  EXPECT_FALSE(covers("a", "a.b"));
  EXPECT_FALSE(covers("a.*", "a"));
  EXPECT_FALSE(covers("a.*", "a.>"));
  EXPECT_FALSE(covers("a.>", "a"));
  EXPECT_FALSE(covers("a.b", "a.c"));
}

std::string error_of(const std::string& endpoint, Direction direction = Direction::send) {
  try {
    parse_options(Endpoint::parse(endpoint), direction);
    return "it was taken";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(NatsEndpoint, WhatIsWrongIsNamed) {
  EXPECT_NE(error_of("nats:a?stream=S").find("no server"), std::string::npos);
  EXPECT_NE(error_of("nats:a@?stream=S").find("no server"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h,?stream=S").find("no server"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h/x?stream=S").find("'h/x' is no server"), std::string::npos);
  EXPECT_NE(error_of("nats:a@me:secret@h?stream=S").find("creds=FILE"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h").find("stream=NAME is missing"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h?stream=a.b").find("stream"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h?stream=S&replicas=0").find("1 to 5"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h?stream=S&ca=/etc/passwd").find("tls=yes"), std::string::npos);
  EXPECT_NE(error_of("nats:a@h?stream=S&batch=1KiB").find("4KiB to 1MiB"), std::string::npos);
  for (const std::string subject : {"", "a.", ".a", "a..b", "a b", "a.*", ">"}) {
    EXPECT_NE(error_of("nats:" + subject + "@h?stream=S").find("no subject"), std::string::npos)
        << subject;
  }
  EXPECT_EQ(error_of("nats:a.*.b@h?stream=S", Direction::receive), "it was taken");
  EXPECT_NE(error_of("nats:a.>.b@h?stream=S", Direction::receive).find("no subject"),
            std::string::npos);
}

// Several receivers of a log, each from its beginning; wildcards; what is no frame is counted.
TEST(NatsLog, EachConsumerGetsAll) {
  const test::NatsServer server;
  const Registry registry = builtin_transports();
  const auto endpoint = [&](const std::string& subject, const std::string& options) {
    return "nats:" + subject + "@" + server.address() + "?stream=LOG&storage=memory" + options;
  };
  const auto all = registry.open_receiver(endpoint("log.*", "&create=log&durable=all"));
  const auto one = registry.open_receiver(endpoint("log.1", "&durable=one"));
  for (const std::string subject : {"log.1", "log.2", "log.1"}) {
    const auto sender = registry.open_sender(endpoint(subject, ""));
    ASSERT_EQ(sender->send({.payload = as_byte_view(subject)}, Deadline::never()),
              SendResult::sent);
    ASSERT_EQ(sender->flush(Deadline::after(std::chrono::seconds(20))), SendResult::sent);
  }
  const auto expect = [](Receiver& receiver, const std::vector<std::string>& payloads) {
    for (const std::string& payload : payloads) {
      MessageView message;
      ASSERT_EQ(receiver.receive(message, Deadline::after(std::chrono::seconds(20))),
                ReceiveResult::received);
      EXPECT_EQ(as_text(message.payload), payload);
    }
  };
  expect(*all, {"log.1", "log.2", "log.1"});
  expect(*one, {"log.1", "log.1"});
  const auto late = registry.open_receiver(endpoint("log.>", "&durable=late"));
  expect(*late, {"log.1", "log.2", "log.1"});
}

}  // namespace
}  // namespace fifomq::jetstream
