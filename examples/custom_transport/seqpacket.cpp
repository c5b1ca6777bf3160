// seqpacket:PATH: messages over a Unix socket that keeps their bounds (SOCK_SEQPACKET, unix(7)). A
// transport outside the tree, from public headers alone.
//
// The receiver listens at PATH, any number of senders connect. A packet is the payload's size, in 8
// bytes, and the payload, of which what is beyond 64 KiB travels beside it in a file without a name
// (memfd_create). So three or four messages wait in a socket, whatever their size, and the kernel
// accepts a message whole or not at all.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>

#include <fifomq/plugin.hpp>

#include "waiting.hpp"

namespace seqpacket {
namespace {

using namespace fifomq;

constexpr std::size_t kInPacket = std::size_t{64} << 10;
constexpr const char* kSizeForm = "a size such as 64KiB or 1MiB";

std::uint64_t parse_size(const Endpoint& endpoint, const std::string& key,
                         const std::string& text) {
  static const std::map<std::string_view, unsigned> kUnits{
      {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = kUnits.find(std::string_view(end, text.data() + text.size()));
  if (error != std::errc{} || unit == kUnits.end() || number > (UINT64_MAX >> unit->second)) {
    throw Error(Errc::invalid_option, endpoint.text(),
                key + ": '" + text + "' is not " + kSizeForm);
  }
  return number << unit->second;
}

struct Settings {
  explicit Settings(const Endpoint& endpoint) {
    for (const auto& [key, value] : endpoint.options()) {
      if (key != "max_message") {
        throw Error(Errc::unknown_option, endpoint.text(),
                    "unknown option '" + key + "'; there is max_message");
      }
      max_message = parse_size(endpoint, key, value);
    }
    if (endpoint.address().empty() || endpoint.address().size() + 2 > sizeof address.sun_path) {
      throw Error(Errc::invalid_endpoint, endpoint.text(),
                  "a path of at most 106 bytes must follow, as in seqpacket:/run/app/socket");
    }
    endpoint.address().copy(address.sun_path, endpoint.address().size());
  }

  std::uint64_t max_message = std::uint64_t{64} << 20;
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
};

int connect_to(const Fd& socket, const sockaddr_un& address) {
  return connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Fd new_socket(const Endpoint& endpoint) {
  return checked(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), endpoint,
                 "make a socket");
}

constexpr Capabilities kCapabilities{.back_pressure = true, .sees_peer = true};

template <typename Interface>
class End : public Interface {
 public:
  const Endpoint& endpoint() const final { return endpoint_; }
  Capabilities capabilities() const final { return kCapabilities; }
  int poll_fd() final { return waiting_.fd(); }
  Counters counters() const final { return counters_; }
  void close() noexcept final { waiting_.close(); }

 protected:
  explicit End(const Endpoint& endpoint)
      : endpoint_(endpoint), settings_(endpoint), waiting_(endpoint_) {}

  const Endpoint endpoint_;
  const Settings settings_;
  Waiting waiting_;
  Counters counters_;
};

// The header of a packet and the first bytes of a payload, with room for one descriptor beside
// them.
struct Packet {
  explicit Packet(std::span<std::byte> bytes) {
    parts[1] = {bytes.data(), bytes.size()};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;
  Packet(Packet&&) = delete;
  Packet& operator=(Packet&&) = delete;
  ~Packet() = default;

  void attach(int fd) {
    cmsghdr* const attached = CMSG_FIRSTHDR(&header);
    attached->cmsg_level = SOL_SOCKET;
    attached->cmsg_type = SCM_RIGHTS;
    attached->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(attached), &fd, sizeof fd);
  }
  Fd detach() {
    int fd = -1;
    const cmsghdr* const attached = CMSG_FIRSTHDR(&header);
    if (attached != nullptr && attached->cmsg_type == SCM_RIGHTS) {
      std::memcpy(&fd, CMSG_DATA(attached), sizeof fd);
    }
    return Fd(fd);
  }

  std::uint64_t size = 0;
  std::array<iovec, 2> parts{iovec{&size, sizeof size}, iovec{}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{.msg_name = nullptr,
                .msg_namelen = 0,
                .msg_iov = parts.data(),
                .msg_iovlen = parts.size(),
                .msg_control = nullptr,
                .msg_controllen = 0,
                .msg_flags = 0};
};

class SeqpacketSender final : public End<Sender> {
 public:
  explicit SeqpacketSender(const Endpoint& endpoint)
      : End(endpoint),
        arrivals_(checked(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), endpoint_,
                          "watch the folder of the socket")) {
    // A receiver's socket comes under its name by being renamed.
    const auto folder = std::filesystem::absolute(endpoint_.address()).parent_path();
    if (inotify_add_watch(arrivals_.get(), folder.c_str(), IN_MOVED_TO) < 0)
      fail(endpoint_, "watch " + folder.string());
    waiting_.add(arrivals_.get(), EPOLLIN);
  }

  SendResult send(const MessageView& message, Deadline deadline) override {
    if (message.payload.size() > settings_.max_message) {
      throw Error(Errc::too_large, endpoint_.text(),
                  "a message of " + std::to_string(message.payload.size()) +
                      " bytes is over max_message, " + std::to_string(settings_.max_message));
    }
    const Fd rest = rest_of(message.payload);
    while (!waiting_.closed()) {
      const SendResult result = connected() ? try_send(message.payload, rest) : SendResult::no_peer;
      if (!would_wait(result) || !waiting_.wait(deadline)) return result;
    }
    return SendResult::closed;
  }
  // What was accepted is in the kernel.
  SendResult flush(Deadline) override {
    return waiting_.closed() ? SendResult::closed : SendResult::sent;
  }
  std::uint64_t settled() const override { return counters_.messages_delivered; }

 private:
  Fd rest_of(ByteView payload) const {
    if (payload.size() <= kInPacket) return Fd();
    Fd file =
        checked(memfd_create("fifomq", MFD_CLOEXEC), endpoint_, "make a file for a large message");
    for (ByteView left = payload.subspan(kInPacket); !left.empty();) {
      const ssize_t count = write(file.get(), left.data(), left.size());
      if (count < 0 && errno != EINTR) fail(endpoint_, "keep a large message");
      left = left.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    return file;
  }

  bool connected() {
    if (peer_) return true;
    // News before this try are seen by it; later ones wake.
    std::array<char, 4096> news{};
    while (read(arrivals_.get(), news.data(), news.size()) > 0) {
    }
    Fd peer = new_socket(endpoint_);
    if (connect_to(peer, settings_.address) != 0) return false;
    waiting_.add(peer.get(), EPOLLOUT);
    peer_ = std::move(peer);
    counters_.peers = 1;
    return true;
  }

  SendResult try_send(ByteView payload, const Fd& rest) {
    const ByteView inside = payload.first(std::min(payload.size(), kInPacket));
    Packet packet({const_cast<std::byte*>(inside.data()), inside.size()});  // sendmsg reads only
    packet.size = payload.size();
    if (rest) {
      packet.attach(rest.get());
    } else {
      packet.header.msg_controllen = 0;
    }
    if (sendmsg(peer_.get(), &packet.header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      ++counters_.messages_received;
      ++counters_.messages_delivered;
      counters_.bytes_out += payload.size();
      return SendResult::sent;
    }
    if (errno == EAGAIN || errno == EINTR) return SendResult::timed_out;
    if (errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN) fail(endpoint_, "send");
    peer_ = Fd();
    counters_.peers = 0;
    ++counters_.peers_lost;
    return connected() ? try_send(payload, rest) : SendResult::no_peer;
  }

  const Fd arrivals_;
  Fd peer_;
};

class SeqpacketReceiver final : public End<Receiver> {
 public:
  SeqpacketReceiver(const Endpoint& endpoint, const OpenOptions& options)
      : End(endpoint), most_(options.take_at_most), socket_(new_socket(endpoint_)) {
    if (connect_to(new_socket(endpoint_), settings_.address) == 0) {
      throw Error(Errc::in_use, endpoint_.text(), "another receiver listens here");
    }
    // It appears under its name when it can be connected to; one that a dead receiver has left
    // goes.
    sockaddr_un early = settings_.address;
    std::strncat(early.sun_path, "~", 2);
    unlink(early.sun_path);
    fchmod(socket_.get(), S_IRUSR | S_IWUSR);
    if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&early), sizeof early) != 0 ||
        listen(socket_.get(), SOMAXCONN) != 0 ||
        rename(early.sun_path, settings_.address.sun_path) != 0) {
      fail(endpoint_, "listen");
    }
    waiting_.add(socket_.get(), EPOLLIN);
    if (ended()) waiting_.wake();
  }
  SeqpacketReceiver(const SeqpacketReceiver&) = delete;
  SeqpacketReceiver& operator=(const SeqpacketReceiver&) = delete;
  SeqpacketReceiver(SeqpacketReceiver&&) = delete;
  SeqpacketReceiver& operator=(SeqpacketReceiver&&) = delete;
  ~SeqpacketReceiver() override { unlink(settings_.address.sun_path); }

  ReceiveResult receive(MessageView& message, Deadline deadline) override {
    while (!waiting_.closed()) {
      if (ended()) return ReceiveResult::end_of_stream;
      if (take(message)) return ReceiveResult::received;
      if (ready_count_ == 0 && !waiting_.wait(deadline)) return ReceiveResult::timed_out;
    }
    return ReceiveResult::closed;
  }
  void commit(std::uint64_t) override {}
  void stop_taking() override {
    stopped_ = true;
    waiting_.wake();
  }

 private:
  bool ended() const { return stopped_ || (most_ && counters_.messages_delivered >= *most_); }

  // The next message of those sockets that have one, each in its turn. False when there is none,
  // for now.
  bool take(MessageView& message) {
    if (ready_count_ == 0) {
      ready_count_ =
          std::max(epoll_wait(waiting_.fd(), ready_.data(), static_cast<int>(ready_.size()), 0), 0);
    }
    while (ready_count_ > 0) {
      const int fd = ready_[static_cast<std::size_t>(--ready_count_)].data.fd;
      if (fd == socket_.get()) {
        accept_one();
      } else if (senders_.contains(fd) && take_from(fd)) {
        message = {.payload = payload_, .origin = Origin{}};
        return true;
      }
    }
    return false;
  }

  void accept_one() {
    Fd sender(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!sender) return;
    waiting_.add(sender.get(), EPOLLIN);
    const int fd = sender.get();
    senders_.emplace(fd, std::move(sender));
    counters_.peers = senders_.size();
  }

  bool take_from(int fd) {
    payload_.resize(kInPacket);
    Packet packet(payload_);
    const ssize_t count = recvmsg(fd, &packet.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (count <= 0) {
      senders_.erase(fd);
      counters_.peers = senders_.size();
      ++counters_.peers_lost;
      return false;
    }
    const Fd rest = packet.detach();
    ++counters_.messages_received;
    if (packet.size > settings_.max_message) {
      ++counters_.too_large;
    } else if (static_cast<std::size_t>(count) < sizeof packet.size ||
               !complete(packet.size, static_cast<std::size_t>(count) - sizeof packet.size, rest)) {
      ++counters_.undecodable;
    } else {
      ++counters_.messages_delivered;
      if (ended()) waiting_.wake();
      return true;
    }
    return false;
  }

  // What came in the packet, and the rest, are as much as the sender says.
  bool complete(std::uint64_t size, std::size_t inside, const Fd& rest) {
    if (inside != std::min<std::uint64_t>(size, kInPacket) ||
        (size > inside) != static_cast<bool>(rest))
      return false;
    struct stat file {};
    if (rest && (fstat(rest.get(), &file) != 0 ||
                 static_cast<std::uint64_t>(file.st_size) != size - inside)) {
      return false;
    }
    payload_.resize(size);
    for (std::size_t at = inside; at < size;) {
      const ssize_t count =
          pread(rest.get(), payload_.data() + at, size - at, static_cast<off_t>(at - inside));
      if (count == 0 || (count < 0 && errno != EINTR)) return false;
      at += count < 0 ? 0 : static_cast<std::size_t>(count);
    }
    return true;
  }

  const std::optional<std::uint64_t> most_;
  const Fd socket_;
  std::map<int, Fd> senders_;
  std::array<epoll_event, 16> ready_{};
  int ready_count_ = 0;
  bool stopped_ = false;
  std::vector<std::byte> payload_;
};

class SeqpacketTransport final : public Transport {
 public:
  std::span<const SchemeInfo> schemes() const override {
    static const std::array<OptionInfo, 1> kOptions{
        {{"max_message", "SIZE", "64MiB", "larger messages are refused"}}};
    static const std::array<SchemeInfo, 1> kSchemes{
        {{"seqpacket", "seqpacket:PATH", "a Unix socket that keeps the bounds of messages",
          kCapabilities, kCapabilities, kOptions}}};
    return kSchemes;
  }
  void check(const Endpoint& endpoint, Direction) const override { Settings{endpoint}; }
  std::unique_ptr<Sender> open_sender(const Endpoint& endpoint, const OpenOptions&) override {
    return std::make_unique<SeqpacketSender>(endpoint);
  }
  std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                          const OpenOptions& options) override {
    return std::make_unique<SeqpacketReceiver>(endpoint, options);
  }
};

std::unique_ptr<Transport> make() { return std::make_unique<SeqpacketTransport>(); }

}  // namespace
}  // namespace seqpacket

FIFOMQ_PLUGIN(seqpacket::make);
