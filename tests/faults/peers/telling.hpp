// One run of a story in which memory ends at some moment: what is sent, and that it arrives.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>
#include <fifomq/transport.hpp>

#include "peers/failing_memory.hpp"
#include "peers/process.hpp"

namespace faults {

inline constexpr std::size_t kLargeBytes = std::size_t{100} << 10;  // go as fragments
inline constexpr auto kLongest = std::chrono::seconds(20);          // what nothing here takes

// In no order that comes again, so that each message is another part of them.
inline fifomq::ByteView letters() {
  static const auto kLetters = [] {
    std::vector<std::byte> bytes(2 * kLargeBytes);
    std::minstd_rand random;
    std::ranges::generate(bytes, [&] { return static_cast<std::byte>('a' + random() % 26); });
    return bytes;
  }();
  return kLetters;
}

// What is said of it has memory again.
inline void check(bool holds, const char* what, const std::function<std::string()>& detail = {}) {
  if (holds) return;
  fail_allocation(0);
  throw std::runtime_error(what + (detail ? ": " + detail() : ""));
}

// One story being told. Takes no memory itself.
class Telling {
 public:
  // Its files stand in `folder`; the nth request for memory finds none.
  Telling(const std::filesystem::path& folder, std::uint64_t nth)
      : fifo_(folder / "fifo"), other_(folder / "other"), nth_(nth) {}

  const std::string& fifo_path() const { return fifo_; }
  void replace_fifo() const {
    check(mkfifo(other_.c_str(), 0600) == 0, "cannot make a FIFO");
    check(std::rename(other_.c_str(), fifo_.c_str()) == 0, "cannot rename it");
  }

  // From here on memory is counted.
  void begin() const { fail_allocation(nth_); }

  // Does it once more where its memory ends, which happens once.
  template <typename Call>
  auto again(const Call& call) {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      check(has_failed() && !told_, "std::bad_alloc although there is memory");
      told_ = true;
      return call();
    }
  }
  bool told() const { return told_; }

  std::unique_ptr<fifomq::Receiver> open_receiver(const std::string& endpoint, bool commits) {
    return again([&] { return registry_.open_receiver(endpoint, {.explicit_commit = commits}); });
  }
  std::unique_ptr<fifomq::Sender> open_sender(const std::string& endpoint) {
    return again([&] { return registry_.open_sender(endpoint); });
  }

  fifomq::SendResult send(fifomq::Sender& sender, std::size_t size, fifomq::Deadline deadline) {
    const fifomq::MessageView message = make(size);
    const fifomq::SendResult result = again([&] { return sender.send(message, deadline); });
    if (result == fifomq::SendResult::sent) sizes_[sent_++] = size;
    return result;
  }
  void send(fifomq::Sender& sender, std::size_t size, int count = 1) {
    for (int i = 0; i < count; ++i) {
      check(send(sender, size, fifomq::Deadline::after(kLongest)) == fifomq::SendResult::sent,
            "not sent");
    }
  }
  void flush(fifomq::Sender& sender) {
    const auto result = again([&] { return sender.flush(fifomq::Deadline::after(kLongest)); });
    check(result == fifomq::SendResult::sent, "not flushed");
  }
  // The next message, as it was sent. False when there is none by then.
  bool receive(fifomq::Receiver& receiver, fifomq::Deadline deadline) {
    fifomq::MessageView got;
    const auto result = again([&] { return receiver.receive(got, deadline); });
    if (result == fifomq::ReceiveResult::timed_out) return false;
    check(result == fifomq::ReceiveResult::received, "the stream has ended");
    check(received_ < sent_, "a message came that was not sent");
    const fifomq::MessageView sent = make(sizes_[received_], received_);
    check(std::ranges::equal(got.payload, sent.payload), "not the message that was sent",
          [&] { return std::to_string(received_); });
    if (receiver.capabilities().carries_origin) {
      check(got.topic == sent.topic && got.type == sent.type, "its topic is not as it was sent");
    }
    ++received_;
    ++taken_;
    return true;
  }
  void receive_all(fifomq::Receiver& receiver) {
    while (received_ < sent_) {
      check(receive(receiver, fifomq::Deadline::after(kLongest)), "a message is lost",
            [&] { return std::to_string(received_); });
    }
    check(!receive(receiver, fifomq::Deadline::now()), "one more");
    again([&] { receiver.commit(taken_); });
  }
  // The messages from there on come again, from a receiver that was opened anew.
  std::size_t received() const { return received_; }
  void begin_again(std::size_t message) {
    received_ = message;
    taken_ = 0;
  }

  void settle(const fifomq::Receiver& receiver) const {
    const fifomq::Counters all = receiver.counters();
    check(all.messages_received == all.messages_delivered + all.dropped() + all.messages_pending &&
              all.messages_delivered == taken_ && all.sequence_gaps == 0 &&
              all.messages_pending == 0 &&
              all.bytes_in == all.bytes_in_messages + all.bytes_skipped + all.bytes_pending,
          "a receiver's ledger", [&] { return text_of(all); });
  }
  void settle(const fifomq::Sender& sender, std::uint64_t accepted) const {
    const fifomq::Counters all = sender.counters();
    check(all.messages_received == accepted && all.messages_delivered == accepted &&
              all.messages_pending == 0,
          "a sender's ledger", [&] { return text_of(all); });
  }
  void settle(const fifomq::Sender& sender) const { settle(sender, sent_); }
  std::uint64_t sent() const { return sent_; }

 private:
  static constexpr std::size_t kMostMessages = 4096;

  fifomq::MessageView make(std::size_t size) const { return make(size, sent_); }
  // Its strings are too long to stand in a std::string itself.
  fifomq::MessageView make(std::size_t size, std::size_t number) const {
    fifomq::MessageView message{.payload = letters().subspan(number, size)};
    if (number % 2 == 1) message.topic = message.type = "a.topic.of.more.than.a.few.letters";
    return message;
  }

  const std::string fifo_;
  const std::string other_;
  const std::uint64_t nth_;
  const fifomq::Registry registry_ = fifomq::builtin_transports();
  bool told_ = false;
  std::array<std::size_t, kMostMessages> sizes_{};
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::uint64_t taken_ = 0;  // from the receiver that is open now
};

}  // namespace faults
