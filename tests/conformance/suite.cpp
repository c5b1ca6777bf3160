#include "conformance/suite.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace fifomq::conformance {

TemporaryFolder::TemporaryFolder()
    : path_((std::filesystem::temp_directory_path() / "fifomq-conformance-XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + path_);
  }
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

int free_tcp_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool found = bind(probe, generic, size) == 0 && getsockname(probe, generic, &size) == 0;
  const int error = errno;
  close(probe);
  if (!found) throw std::system_error(error, std::generic_category(), "find a free tcp port");
  return ntohs(address.sin_port);
}

}  // namespace fifomq::conformance
