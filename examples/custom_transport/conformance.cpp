// conformance: the rules of the contract, one case each, on the transport in the plugin beside this
// program.
#include <filesystem>

#include <fifomq/conformance.hpp>

namespace fifomq::conformance {

Registry transport_under_test() {
  Registry registry;
  registry.load(std::filesystem::read_symlink("/proc/self/exe").replace_filename("seqpacket.so"));
  return registry;
}

std::vector<TransportUnderTest> transports_under_test() {
  const auto make_link = [] {
    const auto folder = std::make_shared<TemporaryFolder>();
    const std::string socket = "seqpacket:" + folder->path() + "/socket";
    return Link{.sender = socket, .receiver = socket, .second_sender = socket, .holds = folder};
  };
  return {{.name = "seqpacket", .make_link = make_link}};
}

}  // namespace fifomq::conformance
