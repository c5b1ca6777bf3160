#include "links/pipe_link.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "descriptor.hpp"
#include "failure.hpp"

namespace compare {
namespace {

using fifomq::ByteView;

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kReadBytes = 65536;  // as much as a pipe holds by default

// Without blocking, EAGAIN is tried again at once: that is spinning.
template <typename Call>
std::size_t insist(const std::string& what, Call call) {
  while (true) {
    const ssize_t result = call();
    if (result > 0) return static_cast<std::size_t>(result);
    if (result == 0) throw Failure("the other end of the pipe is gone");
    if (errno != EINTR && errno != EAGAIN) throw system_failure(what);
  }
}

class PipeSink : public Sink {
 public:
  PipeSink(Descriptor pipe, PipeWrites writes) : pipe_(std::move(pipe)), writes_(writes) {}

  void send(ByteView payload) override {
    switch (writes_) {
      case PipeWrites::per_message:
        return write_in_pieces(payload, payload.size());
      case PipeWrites::per_byte:
        return write_in_pieces(payload, 1);
      case PipeWrites::in_pages:
        return collect(payload);
    }
  }

  void flush() override {
    write_in_pieces(ByteView(page_).first(filled_), kPageBytes);
    filled_ = 0;
  }

 private:
  void write_in_pieces(ByteView bytes, std::size_t piece_bytes) {
    while (!bytes.empty()) {
      const ByteView piece = bytes.first(std::min(piece_bytes, bytes.size()));
      bytes = bytes.subspan(insist(
          "write to the pipe", [&] { return ::write(pipe_.get(), piece.data(), piece.size()); }));
    }
  }

  void collect(ByteView payload) {
    if (filled_ == 0) {  // whole pages need no copy
      const std::size_t whole = payload.size() / kPageBytes * kPageBytes;
      write_in_pieces(payload.first(whole), kPageBytes);
      payload = payload.subspan(whole);
    }
    while (!payload.empty()) {
      const std::size_t part = std::min(payload.size(), kPageBytes - filled_);
      std::memcpy(page_.data() + filled_, payload.data(), part);
      filled_ += part;
      payload = payload.subspan(part);
      if (filled_ == kPageBytes) flush();
    }
  }

  Descriptor pipe_;
  PipeWrites writes_;
  std::array<std::byte, kPageBytes> page_{};
  std::size_t filled_ = 0;
};

class PipeSource : public Source {
 public:
  PipeSource(Descriptor pipe, std::size_t message_bytes)
      : pipe_(std::move(pipe)),
        message_bytes_(message_bytes),
        buffer_(std::max(kReadBytes, message_bytes)) {}

  ByteView receive() override {
    if (filled_ - taken_ < message_bytes_) refill();
    const ByteView message = ByteView(buffer_).subspan(taken_, message_bytes_);
    taken_ += message_bytes_;
    return message;
  }

 private:
  void refill() {
    filled_ -= taken_;
    std::memmove(buffer_.data(), buffer_.data() + taken_, filled_);
    taken_ = 0;
    while (filled_ < message_bytes_) {
      filled_ += insist("read from the pipe", [&] {
        return ::read(pipe_.get(), buffer_.data() + filled_, buffer_.size() - filled_);
      });
    }
  }

  Descriptor pipe_;
  std::size_t message_bytes_;
  std::vector<std::byte> buffer_;
  std::size_t taken_ = 0;
  std::size_t filled_ = 0;
};

class PipeLink : public Link {
 public:
  PipeLink(std::size_t message_bytes, PipeWrites writes, PipeWaits waits)
      : message_bytes_(message_bytes), writes_(writes) {
    std::array<int, 2> ends{};
    const int flags = waits == PipeWaits::spinning ? O_CLOEXEC | O_NONBLOCK : O_CLOEXEC;
    if (::pipe2(ends.data(), flags) != 0) throw system_failure("make a pipe");
    reading_ = Descriptor(ends[0]);
    writing_ = Descriptor(ends[1]);
  }

  std::unique_ptr<Source> open_source() override {
    return std::make_unique<PipeSource>(std::move(reading_), message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override {
    return std::make_unique<PipeSink>(std::move(writing_), writes_);
  }

 private:
  std::size_t message_bytes_;
  PipeWrites writes_;
  Descriptor reading_;
  Descriptor writing_;
};

}  // namespace

std::unique_ptr<Link> make_pipe_link(const Place& place, PipeWrites writes, PipeWaits waits) {
  return std::make_unique<PipeLink>(place.message_bytes, writes, waits);
}

}  // namespace compare
