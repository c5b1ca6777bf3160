#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <iostream>
#include <string>

#include <fifomq/error.hpp>

#include "certificate.hpp"
#include "core/identity.hpp"
#include "core/posix.hpp"
#include "core/unique_fd.hpp"
#include "zmq_commands.hpp"

namespace fifomq::zeromq {
namespace {

constexpr std::string_view kPublicEnding = ".key";
constexpr std::string_view kSecretEnding = ".key_secret";

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') return "fifomq";
  return name.data();
}

// A file in a folder that is whole as soon as it has its name, and never takes the place of
// another.
class NewFile {
 public:
  NewFile(const core::UniqueFd& folder, std::string path, std::string name, mode_t mode)
      : folder_(folder),
        path_(std::move(path)),
        name_(std::move(name)),
        draft_("." + name_ + "." + std::to_string(core::random_id64())),
        fd_(openat(folder_.get(), draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)) {
    // The umask has no say.
    if (!fd_ || fchmod(fd_.get(), mode) != 0) fail("make");
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  NewFile(NewFile&&) = delete;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    unlinkat(folder_.get(), draft_.c_str(), 0);
    if (named_ && !kept_) unlinkat(folder_.get(), name_.c_str(), 0);
  }

  void write(const std::string& text) const {
    ByteView rest = as_byte_view(text);
    while (!rest.empty()) {
      const core::IoResult written = core::write_some(fd_.get(), rest);
      if (written.status != core::IoStatus::done) fail("write");
      rest = rest.subspan(written.count);
    }
    if (fsync(fd_.get()) != 0) fail("write");
  }

  void give_name() {
    if (linkat(folder_.get(), draft_.c_str(), folder_.get(), name_.c_str(), 0) != 0) {
      if (errno == EEXIST) {
        throw Error(Errc::in_use, "",
                    path_ + " exists already, and is left as it is; --name gives another name");
      }
      fail("make");
    }
    named_ = true;
  }
  void keep() { kept_ = true; }

 private:
  [[noreturn]] void fail(const std::string& action) const {
    throw core::system_error(errno, "", action + " " + path_);
  }

  const core::UniqueFd& folder_;
  const std::string path_;
  const std::string name_;
  const std::string draft_;
  core::UniqueFd fd_;
  bool named_ = false;
  bool kept_ = false;
};

core::UniqueFd open_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    throw core::system_error(errno, "", "make the folder " + path);
  }
  core::UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw core::system_error(errno, "", "open the folder " + path);
  return folder;
}

std::string name_of(const CommandCall& call) {
  const auto given = call.options.find("name");
  std::string name = given == call.options.end() ? host_name() : given->second;
  if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos) {
    throw Error(Errc::invalid_option, "",
                "--name cannot be '" + name + "'; it is a file's name without its ending");
  }
  return name;
}

int run_keygen(const CommandCall& call) {
  const std::string name = name_of(call);
  const std::string public_name = name + std::string(kPublicEnding);
  const std::string secret_name = name + std::string(kSecretEnding);
  const std::string public_path = call.argument + "/" + public_name;
  const std::string secret_path = call.argument + "/" + secret_name;
  const core::UniqueFd folder = open_folder(call.argument);
  const Certificate certificate = make_certificate();
  NewFile secret(folder, secret_path, secret_name, 0600);
  secret.write(secret_text(certificate).text);
  NewFile open(folder, public_path, public_name, 0644);
  open.write(public_text(certificate));
  secret.give_name();
  open.give_name();
  fsync(folder.get());
  secret.keep();
  open.keep();
  std::cout << "secret key  " << secret_path << "  stays here: curve_key=" << secret_path << "\n"
            << "public key  " << public_path << "  goes to the other end:\n"
            << "            into the folder of its curve_clients=, or as its curve_server=\n";
  return 0;
}

constexpr auto kKeygenOptions = std::to_array<OptionInfo>(
    {{"name", "NAME", "the host's", "what the files are called, before .key and .key_secret"}});

constexpr auto kCommands =
    std::to_array<CommandInfo>({{"keygen", "DIR", "make a pair of keys for encrypted connections",
                                 kKeygenOptions, run_keygen}});

}  // namespace

std::span<const CommandInfo> command_infos() { return kCommands; }

}  // namespace fifomq::zeromq
