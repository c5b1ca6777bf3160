#include "api/plugin_file.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include <fifomq/plugin.hpp>

#include "core/posix.hpp"

namespace fifomq {
namespace {

struct stat status_of(const std::string& path, const std::string& plugin) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw core::system_error(errno, plugin, "open");
  return status;
}

[[noreturn]] void refuse_untrusted(const std::string& path, const std::string& why) {
  throw Error(Errc::permission_denied, path,
              why + ", and what stands in it would run here with all rights of this process");
}

// A plugin is as good as the program itself, so nobody else may put his own in its place.
void check_trust(const std::string& path) {
  const struct stat file = status_of(path, path);
  if (!S_ISREG(file.st_mode)) throw Error(Errc::wrong_type, path, "this is no file");
  if (file.st_uid != 0 && file.st_uid != geteuid()) {
    refuse_untrusted(path, "it belongs to another user than this one or root");
  }
  if ((file.st_mode & S_IWOTH) != 0) refuse_untrusted(path, "everybody may change it (chmod o-w)");
  const auto folder = std::filesystem::absolute(path).parent_path().string();
  const struct stat parent = status_of(folder, path);
  if ((parent.st_mode & S_IWOTH) != 0 && (parent.st_mode & S_ISVTX) == 0) {
    refuse_untrusted(path, "everybody may replace it in " + folder + " (chmod o-w)");
  }
}

std::string loader_error() {
  return dlerror();  // NOLINT(concurrency-mt-unsafe): each thread has its own
}

// Never unloaded: what it has made may live as long as the process.
void* open_object(const std::string& path, int when) {
  // A name without a slash would be looked for elsewhere.
  const std::string file = std::filesystem::absolute(path).string();
  return dlopen(file.c_str(), when | RTLD_LOCAL | RTLD_NODELETE);
}

const PluginEntry& entry_in(void* object, const std::string& path) {
  const auto* const entry = static_cast<const PluginEntry*>(dlsym(object, "fifomq_plugin"));
  if (entry != nullptr) return *entry;
  throw Error(Errc::wrong_type, path,
              "this shared object is no plugin of fifomq: it has no 'fifomq_plugin', which "
              "FIFOMQ_PLUGIN of <fifomq/plugin.hpp> makes");
}

void check_version(const std::string& path, const PluginEntry& entry) {
  if (std::string_view(entry.version) == kVersion) return;
  throw Error(Errc::unsupported, path,
              "this plugin was built for fifomq " + std::string(entry.version) + ", and this is " +
                  kVersion + "; build it again for this one");
}

// Of one that refers to what is not here. It may still say which version it is of, as long as none
// of its functions is looked up.
[[noreturn]] void refuse_unloadable(const std::string& path, const std::string& reason) {
  if (void* const object = open_object(path, RTLD_LAZY); object != nullptr) {
    check_version(path, entry_in(object, path));
  }
  throw Error(Errc::wrong_type, path, "it cannot be loaded as a plugin: " + reason);
}

}  // namespace

std::unique_ptr<Transport> load_plugin(const std::string& path) {
  check_trust(path);
  void* const object = open_object(path, RTLD_NOW);
  if (object == nullptr) refuse_unloadable(path, loader_error());
  const PluginEntry& entry = entry_in(object, path);
  check_version(path, entry);
  if (&entry.category() != &error_category()) {
    throw Error(Errc::unsupported, path,
                "it brings a copy of this library along; a plugin links none (fifomq::headers)");
  }
  auto transport = entry.make();
  if (!transport) throw Error(Errc::wrong_type, path, "this plugin gives no transport");
  return transport;
}

}  // namespace fifomq
