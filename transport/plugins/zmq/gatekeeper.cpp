#include "gatekeeper.hpp"

#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "calls.hpp"
#include "certificate.hpp"
#include "client_keys.hpp"
#include "core/identity.hpp"
#include "core/posix.hpp"
#include "core/thread.hpp"

namespace fifomq::zeromq {
namespace {

// Where libzmq asks.
constexpr const char* kAddress = "inproc://zeromq.zap.01";
// Of a question: version, request, domain, address, identity, mechanism, and the client's key.
constexpr std::size_t kRequest = 1;
constexpr std::size_t kDomain = 2;
constexpr std::size_t kPeer = 3;
constexpr std::size_t kMechanism = 5;
constexpr std::size_t kKey = 6;
constexpr std::size_t kParts = 7;
// Of one gate, until its owner takes them.
constexpr std::size_t kMostNotices = 32;

std::string z85(const zmq::message_t& key) {
  std::array<char, 41> text{};
  return zmq_z85_encode(text.data(), key.data<std::uint8_t>(), key.size());
}

// libzmq gives "localhost:UID:GID:PID" or the like for an ipc peer.
std::string readable(std::string_view address) {
  const auto colons = std::ranges::count(address, ':');
  const std::size_t last = address.rfind(':');
  if (colons == 3 && address.find_first_not_of("0123456789", last + 1) == std::string_view::npos) {
    return "pid " + std::string(address.substr(last + 1));
  }
  return std::string(address);
}

}  // namespace

Gate::Gate(Gatekeeper& keeper, std::string clients_folder)
    : keeper_(keeper),
      folder_(std::move(clients_folder)),
      domain_("fifomq-" + std::to_string(core::random_id64())) {
  keeper_.enter(*this);
}

Gate::~Gate() { keeper_.leave(*this); }

std::vector<std::string> Gate::take_notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

void Gate::watch(int feed, std::function<void()> look) {
  const std::lock_guard lock(keeper_.mutex_);
  feed_ = feed;
  look_ = std::move(look);
  keeper_.wake();
}

void Gate::stop_watching() {
  const std::lock_guard lock(keeper_.mutex_);
  feed_ = -1;
}

void Gate::note(std::string sentence) {
  const std::lock_guard lock(mutex_);
  if (notices_.size() == kMostNotices || std::ranges::count(notices_, sentence) > 0) return;
  notices_.push_back(std::move(sentence));
}

bool Gate::admits(std::string_view key, std::string_view address) {
  try {
    ClientKeys clients = read_client_keys(folder_, "");
    for (std::string& complaint : clients.complaints) note(std::move(complaint));
    if (clients.keys.contains(key)) return true;
    note("refused " + readable(address) + ": its key is not in " + folder_);
  } catch (const Error& error) {
    note("refused " + readable(address) + ": " + error.what());
  }
  return false;
}

Gatekeeper::Gatekeeper(zmq::context_t& context, const std::string& endpoint)
    : questions_(context, zmq::socket_type::rep), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw core::system_error(errno, endpoint, "make an event");
  questions_.set(zmq::sockopt::linger, 0);
  try {
    uninterrupted([&] { questions_.bind(kAddress); });
  } catch (const zmq::error_t& error) {
    throw to_error(error, endpoint, "answer for the clients' keys at " + std::string(kAddress));
  }
  thread_ = core::start_thread(endpoint, "fifomq-gate",
                               [this](const std::stop_token& stop) { run(stop); });
}

Gatekeeper::~Gatekeeper() {
  thread_.request_stop();
  wake();
}

void Gatekeeper::enter(Gate& gate) {
  const std::lock_guard lock(mutex_);
  gates_.emplace(gate.domain(), &gate);
}

void Gatekeeper::leave(const Gate& gate) {
  const std::lock_guard lock(mutex_);
  gates_.erase(gate.domain());
}

void Gatekeeper::wake() noexcept { eventfd_write(wake_.get(), 1); }

void Gatekeeper::run(const std::stop_token& stop) {
  while (true) {
    // Before it is looked what for, or the last call might be taken for an earlier one.
    eventfd_t ignored = 0;
    eventfd_read(wake_.get(), &ignored);
    if (stop.stop_requested()) return;
    try {
      std::vector<zmq::pollitem_t> items = waited();
      zmq::poll(items.data(), items.size(), std::chrono::milliseconds(-1));
      if ((items[0].revents & ZMQ_POLLIN) != 0) answer();
      look(items);
    } catch (const zmq::error_t& error) {
      if (error.num() == ETERM) return;
    }
  }
}

// The questions, what wakes the thread, and the feed of each gate.
std::vector<zmq::pollitem_t> Gatekeeper::waited() {
  const auto item = [](void* socket, int fd) {
    return zmq::pollitem_t{.socket = socket, .fd = fd, .events = ZMQ_POLLIN, .revents = 0};
  };
  std::vector<zmq::pollitem_t> items{item(questions_.handle(), 0), item(nullptr, wake_.get())};
  const std::lock_guard lock(mutex_);
  for (const auto& [domain, gate] : gates_) {
    if (gate->feed_ >= 0) items.push_back(item(nullptr, gate->feed_));
  }
  return items;
}

void Gatekeeper::look(const std::vector<zmq::pollitem_t>& ready) {
  const std::lock_guard lock(mutex_);
  for (const auto& [domain, gate] : gates_) {
    const auto is_ready = [feed = gate->feed_](const zmq::pollitem_t& item) {
      return item.socket == nullptr && item.fd == feed && item.revents != 0;
    };
    if (gate->feed_ >= 0 && std::ranges::any_of(ready, is_ready)) gate->look_();
  }
}

void Gatekeeper::answer() {
  std::vector<zmq::message_t> question;
  do {
    question.emplace_back();
    uninterrupted([&] { return questions_.recv(question.back()); });
  } while (question.back().more());
  const bool admitted = admits(question);
  const std::array<std::string_view, 6> parts{
      "1.0",
      question.size() > kRequest ? question[kRequest].to_string_view() : "",
      admitted ? "200" : "400",
      admitted ? "OK" : "its key is not allowed here",
      "",
      ""};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    zmq::message_t part(parts[i].data(), parts[i].size());
    const auto flags = i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    uninterrupted([&] { return questions_.send(part, flags); });
  }
}

bool Gatekeeper::admits(const std::vector<zmq::message_t>& question) {
  if (question.size() != kParts || question[kMechanism].to_string_view() != "CURVE" ||
      question[kKey].size() != kKeyBytes) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  const auto gate = gates_.find(question[kDomain].to_string_view());
  return gate != gates_.end() &&
         gate->second->admits(z85(question[kKey]), question[kPeer].to_string_view());
}

}  // namespace fifomq::zeromq
