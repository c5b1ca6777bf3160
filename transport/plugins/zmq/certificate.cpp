#include "certificate.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include <fifomq/error.hpp>

#include "core/posix.hpp"
#include "core/unique_fd.hpp"

namespace fifomq::zeromq {
namespace {

constexpr std::size_t kKeyCharacters = 40;
constexpr std::size_t kMostBytes = 16384;  // in a file
constexpr std::string_view kPublic = "public-key";
constexpr std::string_view kSecret = "secret-key";

struct File {
  struct stat status {};
  Secret content{};
};

File read_file(const std::string& path, const std::string& endpoint) {
  // Without waiting, should it be a pipe.
  const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  File file;
  if (!fd || fstat(fd.get(), &file.status) != 0) {
    throw core::system_error(errno, endpoint, "read the key in " + path);
  }
  if (!S_ISREG(file.status.st_mode)) {
    throw Error(Errc::wrong_type, endpoint, path + " is no file, and so holds no key");
  }
  std::string& text = file.content.text;
  text.resize(kMostBytes);
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::read(fd.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw core::system_error(errno, endpoint, "read the key in " + path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return file;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_key(std::string_view value) {
  if (value.size() != kKeyCharacters) return false;
  const Secret text(value);
  std::array<std::uint8_t, kKeyBytes> bytes{};
  const bool is_one = zmq_z85_decode(bytes.data(), text.text.c_str()) != nullptr;
  explicit_bzero(bytes.data(), bytes.size());
  return is_one;
}

// The value of a key in the section `curve`. A '#' may stand in a key, so that a comment begins
// only at the beginning of a line.
std::optional<std::string_view> find_key(std::string_view text, std::string_view name) {
  bool in_curve = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    const std::string_view line = trimmed(raw);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const bool indented = raw.front() == ' ' || raw.front() == '\t';
    if (!indented) in_curve = line == "curve";
    const std::size_t equals = line.find('=');
    if (!in_curve || equals == std::string_view::npos || trimmed(line.substr(0, equals)) != name) {
      continue;
    }
    std::string_view value = trimmed(line.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.front() == value.back()) {
      value = value.substr(1, value.size() - 2);
    }
    if (is_key(value)) return value;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_content(const std::string& path, std::string_view name,
                                 const std::string& endpoint) {
  throw Error(Errc::invalid_option, endpoint,
              path + " holds no " + std::string(name) +
                  " (40 characters of Z85) in a section 'curve'; fifomq keygen writes such files");
}

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode & 07777);
  return text.data();
}

}  // namespace

Secret::~Secret() { explicit_bzero(text.data(), text.size()); }

Certificate make_certificate() {
  Certificate certificate;
  certificate.public_key.resize(kKeyCharacters);
  certificate.secret_key.text.resize(kKeyCharacters);
  // Writes a terminating zero where std::string has one.
  if (zmq_curve_keypair(certificate.public_key.data(), certificate.secret_key.text.data()) != 0) {
    throw Error(Errc::unsupported, "", "this libzmq is built without CURVE");
  }
  return certificate;
}

std::string public_text(const Certificate& certificate) {
  return "# ZeroMQ CURVE public key, made by fifomq keygen. Others may have it; see that they get\n"
         "# the right one.\n"
         "metadata\ncurve\n    public-key = \"" +
         certificate.public_key + "\"\n";
}

Secret secret_text(const Certificate& certificate) {
  constexpr std::size_t kEnough = 1024;
  Secret secret;
  secret.text.reserve(kEnough);
  secret.text +=
      "# ZeroMQ CURVE secret key, made by fifomq keygen. It stays here, and nobody else reads it.\n"
      "metadata\ncurve\n    public-key = \"";
  secret.text += certificate.public_key;
  secret.text += "\"\n    secret-key = \"";
  secret.text += certificate.secret_key.text;
  secret.text += "\"\n";
  return secret;
}

Certificate read_own_certificate(const std::string& path, const std::string& endpoint) {
  const File file = read_file(path, endpoint);
  if (file.status.st_uid != geteuid()) {
    throw Error(Errc::permission_denied, endpoint,
                path + " is owned by uid " + std::to_string(file.status.st_uid) +
                    "; a secret key belongs to the user who uses it, uid " +
                    std::to_string(geteuid()));
  }
  if ((file.status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    throw Error(Errc::permission_denied, endpoint,
                path + " has mode " + octal(file.status.st_mode) +
                    "; a secret key is nobody else's to read: chmod 600");
  }
  const auto secret = find_key(file.content.text, kSecret);
  if (!secret) refuse_content(path, kSecret, endpoint);
  Certificate certificate{.secret_key = Secret(*secret)};
  certificate.public_key.resize(kKeyCharacters);
  if (zmq_curve_public(certificate.public_key.data(), certificate.secret_key.text.c_str()) != 0) {
    throw Error(Errc::unsupported, endpoint, "this libzmq is built without CURVE");
  }
  return certificate;
}

std::string read_public_key(const std::string& path, const std::string& endpoint) {
  const File file = read_file(path, endpoint);
  check_only_ours_writes(file.status, path, endpoint);
  const auto key = find_key(file.content.text, kPublic);
  if (!key) refuse_content(path, kPublic, endpoint);
  return std::string(*key);
}

void check_only_ours_writes(const struct stat& status, const std::string& path,
                            const std::string& endpoint) {
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    throw Error(Errc::permission_denied, endpoint,
                path + " is owned by uid " + std::to_string(status.st_uid) +
                    ", who could change whom it lets in");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw Error(Errc::permission_denied, endpoint,
                path + " has mode " + octal(status.st_mode) +
                    ": others could change whom it lets in; chmod go-w");
  }
}

}  // namespace fifomq::zeromq
