// Channel ends made by hand: the test says what they give and answer.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <fifomq/channel.hpp>

namespace fifomq::test {

template <typename Base>
class FakeChannel : public Base {
 public:
  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return {}; }
  int poll_fd() override { return -1; }
  Counters counters() const override { return {}; }
  void close() noexcept override {}

 private:
  Endpoint endpoint_ = Endpoint::parse("fake:");
};

class FakeReceiver final : public FakeChannel<Receiver> {
 public:
  void add(Message message) { waiting_.push_back(std::move(message)); }
  void add(const std::string& payload) {
    Message message;
    const ByteView bytes = as_byte_view(payload);
    message.payload.assign(bytes.begin(), bytes.end());
    message.origin = Origin{};
    add(std::move(message));
  }
  // What receive() says when nothing is waiting.
  ReceiveResult when_empty = ReceiveResult::timed_out;  // NOLINT(*-non-private-member-variables*)

  ReceiveResult receive(MessageView& message, Deadline deadline) override {
    waited_ |= !deadline.expired();
    if (waiting_.empty()) return when_empty;
    current_ = std::move(waiting_.front());
    waiting_.pop_front();
    message = current_.view();
    return ReceiveResult::received;
  }
  void commit(std::uint64_t n) override { commits_.push_back(n); }

  std::uint64_t committed() const { return commits_.empty() ? 0 : commits_.back(); }
  const std::vector<std::uint64_t>& commits() const { return commits_; }
  bool waited() const { return waited_; }
  std::size_t left() const { return waiting_.size(); }

 private:
  std::deque<Message> waiting_;
  Message current_;
  std::vector<std::uint64_t> commits_;
  bool waited_ = false;
};

class FakeSender final : public FakeChannel<Sender> {
 public:
  // NOLINTBEGIN(*-non-private-member-variables*)
  std::function<SendResult(const MessageView&, Deadline)> answer;
  std::uint64_t acknowledged = 0;
  // NOLINTEND(*-non-private-member-variables*)

  SendResult send(const MessageView& message, Deadline deadline) override {
    const SendResult result = answer ? answer(message, deadline) : SendResult::sent;
    if (result == SendResult::sent) sent_.emplace_back(message);
    return result;
  }
  SendResult flush(Deadline) override {
    ++flushes_;
    return SendResult::sent;
  }
  std::uint64_t settled() const override { return acknowledged; }

  const std::vector<Message>& sent() const { return sent_; }
  std::size_t flushes() const { return flushes_; }

 private:
  std::size_t flushes_ = 0;
  std::vector<Message> sent_;
};

}  // namespace fifomq::test
