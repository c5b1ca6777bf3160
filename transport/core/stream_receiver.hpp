// A Receiver on any byte stream: a source that gives bytes, a decoder that finds messages in them.
// When another source takes the place of the first one, both are read until that one's writers have
// left.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <fifomq/transport.hpp>

#include "core/byte_source.hpp"
#include "core/commit_log.hpp"
#include "core/decoder.hpp"
#include "core/inlet.hpp"
#include "core/readiness.hpp"
#include "core/short_wait.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::core {

class StreamReceiver final : public Receiver {
 public:
  using MakeDecoder = std::function<std::unique_ptr<Decoder>()>;

  // `busy_poll`: how long receive() asks the source again and again before it sleeps. With
  // Capabilities::explicit_commit, bytes stay in the source until take_until().
  StreamReceiver(Endpoint endpoint, Capabilities capabilities, std::unique_ptr<ByteSource> source,
                 MakeDecoder make_decoder, std::optional<std::uint64_t> take_at_most,
                 std::chrono::nanoseconds busy_poll = {});

  // With Capabilities::explicit_commit, before anything is received: what is half done when the
  // source is full of it is kept in that file, and goes on from there after a crash. Throws Error.
  void keep_half_done_in(const std::string& path);

  const Endpoint& endpoint() const override { return endpoint_; }
  Capabilities capabilities() const override { return capabilities_; }
  int poll_fd() override;
  Counters counters() const override;
  void close() noexcept override { readiness_.close(); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override;
  void commit(std::uint64_t n) override;
  void stop_taking() override;

 private:
  using Time = std::chrono::steady_clock::time_point;

  Inlet make_inlet(std::unique_ptr<ByteSource>&& source);
  bool next(MessageView& message);
  bool next_of(Inlet& inlet, MessageView& message);
  bool fill();
  bool fill(Inlet& inlet, Time now);
  bool look_full(Inlet& inlet);
  bool spin(Deadline deadline);
  bool half_done() const;
  bool all_handed_out() const { return stops_ && !half_done(); }
  void prepare_to_wait();
  bool follow(Time now);
  void retire();
  Inlet& inlet(std::uint64_t number);
  void tick(bool needed);

  const Endpoint endpoint_;
  const Capabilities capabilities_;
  Readiness readiness_;
  const MakeDecoder make_decoder_;
  const std::chrono::nanoseconds busy_poll_;
  std::optional<std::uint64_t> left_;  // messages that may still be taken
  bool stops_ = false;                 // only what is half done is taken
  Inlet current_;
  std::vector<Inlet> older_;               // whose place it has taken
  Counters retired_;                       // of those that are done
  std::unique_ptr<ByteSource> successor_;  // of the current one, until it takes its place
  Time next_look_;                         // for one
  CommitLog log_;
  bool starved_ = false;  // nothing can come before something is committed
  UniqueFd timer_;        // ticks while something is half done
  bool ticking_ = false;
  ShortWait short_wait_;
  std::size_t last_read_ = 0;  // bytes
  bool polled_ = false;        // somebody waits on poll_fd()
  bool ended_ = false;
};

}  // namespace fifomq::core
