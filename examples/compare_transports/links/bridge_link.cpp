#include "links/bridge_link.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "failure.hpp"
#include "links/channel_link.hpp"
#include "links/zmq_link.hpp"

namespace compare {
namespace {

class BridgeLink : public Link {
 public:
  BridgeLink(const Place& place, BridgeReceiver receiver, const std::string& options)
      : fifo_("fifo:" + place.stem.string() + ".fifo"),
        address_("ipc://" + place.stem.string() + ".ipc"),
        options_(options.empty() ? "" : "?" + options),
        message_bytes_(place.message_bytes),
        receiver_(receiver) {
    // The sender's process may be faster than the bridge, and does not make the FIFO.
    const std::string path = place.stem.string() + ".fifo";
    if (::mkfifo(path.c_str(), 0600) != 0) throw system_failure("make the FIFO " + path);
  }

  std::unique_ptr<Source> open_source() override {
    return receiver_ == BridgeReceiver::channel ? open_channel_source("zmq+pull:@" + address_)
                                                : open_zmq_source(address_, message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override { return open_channel_sink(fifo_); }

  std::vector<std::string> relay_command() const override {
    return {bridge_program(), "bridge", fifo_, "zmq+push:" + address_ + options_};
  }

 private:
  std::string fifo_;
  std::string address_;
  std::string options_;
  std::size_t message_bytes_;
  BridgeReceiver receiver_;
};

}  // namespace

std::unique_ptr<Link> make_bridge_link(const Place& place, BridgeReceiver receiver,
                                       const std::string& options) {
  return std::make_unique<BridgeLink>(place, receiver, options);
}

std::string bridge_program() {
  std::error_code error;
  const auto program =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "fifomq";
  return ::access(program.c_str(), X_OK) == 0 ? program.string() : "";
}

}  // namespace compare
