#include "client_keys.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include <fifomq/error.hpp>

#include "certificate.hpp"
#include "core/posix.hpp"

namespace fifomq::zeromq {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};

}  // namespace

ClientKeys read_client_keys(const std::string& folder, const std::string& endpoint) {
  const std::unique_ptr<DIR, CloseFolder> opened(opendir(folder.c_str()));
  struct stat status {};
  if (!opened || fstat(dirfd(opened.get()), &status) != 0) {
    throw core::system_error(errno, endpoint, "read the folder " + folder);
  }
  check_only_ours_writes(status, folder, endpoint);
  ClientKeys clients;
  while (const dirent* const entry = readdir(opened.get())) {
    const std::string_view name = entry->d_name;
    if (!name.ends_with(".key") || name.starts_with('.')) continue;
    try {
      clients.keys.insert(read_public_key(folder + "/" + std::string(name), ""));
    } catch (const Error& error) {
      clients.complaints.emplace_back(error.what());
    }
  }
  return clients;
}

}  // namespace fifomq::zeromq
