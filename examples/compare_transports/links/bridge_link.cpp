#include "links/bridge_link.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "failure.hpp"
#include "links/channel_link.hpp"
#include "links/zmq_link.hpp"

namespace compare {
namespace {

class BridgeLink : public Link {
 public:
  BridgeLink(const Place& place, BridgeWay way)
      : way_(std::move(way)),
        stem_(place.stem.string()),
        fifo_("fifo:" + stem_ + ".fifo"),
        address_("ipc://" + stem_ + ".ipc"),
        message_bytes_(place.message_bytes) {
    // The sender's process may be faster than the bridge, and does not make the FIFO.
    const std::string path = stem_ + ".fifo";
    if (::mkfifo(path.c_str(), 0600) != 0) throw system_failure("make the FIFO " + path);
  }

  std::unique_ptr<Source> open_source() override {
    return way_.receiver == BridgeReceiver::channel
               ? open_channel_source(way_.receives + ":@" + address_)
               : open_zmq_source(address_, message_bytes_);
  }
  std::unique_ptr<Sink> open_sink() override { return open_channel_sink(fifo_); }

  std::vector<std::string> relay_command() const override {
    const std::string options = way_.options.empty() ? "" : "?" + way_.options;
    std::vector<std::string> command{bridge_program(), "bridge", fifo_,
                                     way_.sends + ":" + address_ + options};
    if (!way_.spool_options.empty()) {
      command.insert(command.end(), {"--spool", stem_ + ".spool?" + way_.spool_options});
    }
    return command;
  }

 private:
  BridgeWay way_;
  std::string stem_;
  std::string fifo_;
  std::string address_;
  std::size_t message_bytes_;
};

}  // namespace

std::unique_ptr<Link> make_bridge_link(const Place& place, const BridgeWay& way) {
  return std::make_unique<BridgeLink>(place, way);
}

std::string bridge_program() {
  std::error_code error;
  const auto program =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "fifomq";
  return ::access(program.c_str(), X_OK) == 0 ? program.string() : "";
}

}  // namespace compare
